/* What a collection must hold, for powercut_test.c. The calls of the workload are announced in the
 * record before they begin, with the changes they make, and again when they have returned: who
 * reads the record up to the cut knows what was acknowledged and what was under way. */
#ifndef MV_POWERCUT_ORACLE_H
#define MV_POWERCUT_ORACLE_H

#include "test/powercut_disk.h"

#define DOCS        6000u /* different ids: enough for bulk batches and for sealing */
#define PLACES      3u    /* directories: the collection, and two for backups */
#define CHANGES_MAX (4u * DOCS)
#define SHAPE       DOCS /* the schema is kept like one more document: its version tells the shape */
#define ITEMS       (DOCS + 1u) /* documents and the shape */

#define CALLS(X)                                                                                   \
    X(CALL_NONE, "between calls")                                                                  \
    X(CALL_CREATE, "create")                                                                       \
    X(CALL_WRITE, "write")                                                                         \
    X(CALL_BULK, "bulk write")                                                                     \
    X(CALL_DELETE, "delete")                                                                       \
    X(CALL_TRANSACTION, "transaction")                                                             \
    X(CALL_OPTIMIZE, "optimize")                                                                   \
    X(CALL_FLUSH, "flush or close")                                                                \
    X(CALL_SCHEMA, "schema change")                                                                \
    X(CALL_BACKUP, "backup")                                                                       \
    X(CALL_REPLACE, "backup that replaces")                                                        \
    X(CALL_DESTROY, "destroy")

typedef enum call {
#define CALL_ENUM(name, text) name,
    CALLS(CALL_ENUM)
#undef CALL_ENUM
        CALLS_COUNT
} call;

/* What a call means for commits that were not synced. */
typedef enum effect {
    EFFECT_NONE,
    EFFECT_SYNCS,    /* when it returns, all are */
    EFFECT_UNSYNCED, /* it makes one */
    EFFECT_EITHER,   /* it may do the one or the other, or nothing */
} effect;

typedef enum note_kind {
    NOTE_BEGIN,
    NOTE_CHANGES, /* of the call under way; they follow: `doc_change` */
    NOTE_END,
    NOTE_UNDONE, /* after a cut: the changes under way were not there */
    NOTE_DONE,   /* after a cut: they were */
} note_kind;

typedef struct note {
    uint32_t kind;
    uint32_t call;
    uint32_t place;
    uint32_t effect;
    uint32_t changes_count;
} note;

typedef struct doc_change {
    uint32_t doc;
    uint32_t version; /* 0: deleted */
} doc_change;

typedef enum presence { ABSENT, APPEARING, PRESENT, REPLACED, VANISHING } presence;
typedef enum syncedness { SYNCED, PERHAPS_SYNCED, UNSYNCED } syncedness;

typedef struct place {
    presence is;
    uint32_t versions[ITEMS]; /* 0: no such document */
    uint32_t before[ITEMS];   /* of what is being replaced */
} place;

typedef struct oracle {
    place places[PLACES]; /* the first is the one that is written to */
    syncedness synced;
    note now;                        /* the call under way */
    doc_change changes[CHANGES_MAX]; /* its changes, in order */
    uint32_t changes_count;
} oracle;

static void oracle_begin(oracle *o, const note *n)
{
    place *p = &o->places[n->place];
    o->now = *n;
    o->changes_count = 0;
    if (n->call == CALL_CREATE || n->call == CALL_BACKUP) p->is = APPEARING;
    if (n->call == CALL_DESTROY) p->is = VANISHING;
    if (n->call == CALL_REPLACE) {
        p->is = REPLACED;
        memcpy(p->before, p->versions, sizeof p->before);
    }
    if (n->call == CALL_BACKUP || n->call == CALL_REPLACE)
        memcpy(p->versions, o->places[0].versions, sizeof p->versions);
    bool leaves_synced =
        o->synced == SYNCED && (n->effect == EFFECT_NONE || n->effect == EFFECT_SYNCS);
    bool leaves_unsynced =
        o->synced == UNSYNCED && (n->effect == EFFECT_NONE || n->effect == EFFECT_UNSYNCED);
    if (!leaves_synced && !leaves_unsynced) o->synced = PERHAPS_SYNCED;
}

static void oracle_changes_done(oracle *o)
{
    for (uint32_t i = 0; i < o->changes_count; i++)
        o->places[0].versions[o->changes[i].doc] = o->changes[i].version;
    o->changes_count = 0;
}

static void oracle_end(oracle *o)
{
    place *p = &o->places[o->now.place];
    if (p->is == APPEARING || p->is == REPLACED) p->is = PRESENT;
    if (p->is == VANISHING) {
        p->is = ABSENT;
        memset(p->versions, 0, sizeof p->versions);
    }
    /* A call with nothing to write creates no mark; one with an empty batch removes none. */
    bool is_empty = o->now.call == CALL_WRITE && !o->changes_count;
    if (o->now.effect == EFFECT_SYNCS && !is_empty) o->synced = SYNCED;
    if (o->now.effect == EFFECT_UNSYNCED && o->changes_count) o->synced = UNSYNCED;
    oracle_changes_done(o);
    o->now = (note){.call = CALL_NONE};
}

/* Take notice of a note and of the changes that follow it. */
static void oracle_note(oracle *o, const note *n, const doc_change *changes)
{
    switch ((note_kind)n->kind) {
    case NOTE_BEGIN: oracle_begin(o, n); break;
    case NOTE_CHANGES:
        must(o->changes_count + n->changes_count <= CHANGES_MAX, "too many changes");
        if (changes && n->changes_count)
            memcpy(o->changes + o->changes_count, changes, n->changes_count * sizeof *changes);
        o->changes_count += n->changes_count;
        break;
    case NOTE_END: oracle_end(o); break;
    case NOTE_UNDONE: o->changes_count = 0; /* fall through */
    case NOTE_DONE:
        oracle_changes_done(o);
        o->places[0].is = PRESENT;
        o->synced = SYNCED; /* else it would have been refused */
        o->now = (note){.call = CALL_NONE};
        break;
    }
}

/* The same for an operation of the record, if it is a note. */
static void oracle_read(oracle *o, const op *operation)
{
    note n;
    if (operation->kind != OP_NOTE) return;
    memcpy(&n, op_bytes(operation), sizeof n);
    oracle_note(o, &n, (const doc_change *)(const void *)(op_bytes(operation) + sizeof n));
}

#endif
