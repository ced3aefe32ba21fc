/* The constants that choose the strategy of a search (hnsw_plan.c) and when a walk is abandoned
 * (hnsw_walk.c). Changing one changes times and recall. With any values, hits match the filter and
 * have exact scores.
 *
 * `./run bench fit` measures each constant marked "fitted" on the machine where it runs and prints
 * the result beside the value it reads from this file. The values were fitted to 100,000 and
 * 200,000 rows of 100, 128 and 768 dims, with 100 to 1 % of the rows matching, on a machine with
 * AVX-512. They are compiled in and never adapted at run time, so that the same search takes the
 * same strategy everywhere. The margins cannot be fitted one by one: `./run bench hybrid` judges
 * them together, in the column "x best plan" and in the recall with nothing set. */
#ifndef MV_HNSW_COST_H
#define MV_HNSW_COST_H

#include <math.h>

#include "index/hnsw_patience.h"

/* ---------------------------------------------------------------- costs, fitted */

/* Scanning the codes of all matching rows, in memory order: time for a row, and for each byte of
 * its code. */
#define COST_SCAN_ROW_NS  2.5
#define COST_SCAN_BYTE_NS 0.033

/* Walking: time for each distance to a code, and for each byte of that code. The links, the memory
 * accesses in random order and the pool of candidates are part of it. */
#define COST_WALK_ROW_NS  22.0
#define COST_WALK_BYTE_NS 0.055

/* Walking over bridges: time for each link of a candidate beyond the distances. It covers the links
 * of rows that do not match, and the pool. */
#define COST_BRIDGE_LINK_NS 18.0

/* ---------------------------------------------------------------- counts, fitted */

/* Distances for each link of the `ef` candidates: of a walk where all rows match (0.3 to 0.6), and
 * of a walk over bridges (0.3 to 0.6; 0.7 to 1 where few of the near rows match). The other links
 * lead to rows that were met before, and a walk may end before all candidates were followed. */
#define WALK_DISTANCES_PER_LINK   0.5
#define BRIDGE_DISTANCES_PER_LINK 0.9

/* Where a share of the rows matches, a walk takes share^-WALK_GROWTH_POWER times as long as where
 * all match: 0.75 to 1.1, counted in distances less than in time, since pools are larger. */
#define WALK_GROWTH_POWER 0.85

/* A walk for a far or an outer query follows share^-BEYOND_GROWTH_POWER times as many candidates:
 * 0.1 to 0.45 for shares of 50 to 10 %, counted in forced walks over 60,000 rows of 100, 128 and
 * 768 dims. */
#define BEYOND_GROWTH_POWER 0.27

/* ---------------------------------------------------------------- candidates, fitted to recall */

/* A walk over bridges looks for this many candidates more than a walk where all rows match, in a
 * search for HNSW_MEASURED_HITS. Where few of the rows near the query match, the hits lie at the
 * border of the matching rows and other rows are hardly farther: more candidates are needed. */
#define BRIDGE_EXTRA_EF          100u
#define BRIDGE_EXTRA_EF_FEW_NEAR 360u

/* ---------------------------------------------------------------- margins, by reason */

/* A walk over bridges has to be cheaper than a scan by this factor: it finds less. */
#define BRIDGE_ADVANTAGE_MIN 1.5

/* A walk that is not the cheapest strategy when the matching rows are spread evenly is still begun
 * where it would be cheaper by this factor if the matching rows were those near the query. Whether
 * the walk continues is decided when it has taken as long as it would if all rows matched. So a
 * wrong guess costs at most a third of the scan. */
#define NEAR_ADVANTAGE_MIN 3.0

/* A walk is abandoned for few matches nearby when it met less than GATE_MATCHES_PART_MIN of the
 * matches that an even spread would give. The decision waits until GATE_EXPECTED_MATCHES_MIN
 * matches are expected: fewer than 0.6 × 32 of 32 are met by chance in 1 of 100 walks (2.3 standard
 * deviations, if rows match independently of each other). */
#define GATE_EXPECTED_MATCHES_MIN 32u
#define GATE_MATCHES_PART_MIN     0.6

/* Candidates that a walk has room for, unless it needs more for its hits. An insertion moves the 8
 * bytes of each candidate behind it: half of this many are 32 KiB, moved in about 1 µs, in which 65
 * to 230 codes are scanned. */
#define WALK_POOL_MAX 8192u

static_assert(BRIDGE_EXTRA_EF <= BRIDGE_EXTRA_EF_FEW_NEAR,
              "few matches nearby never need fewer candidates");
static_assert(WALK_POOL_MAX >= HNSW_HITS_MAX, "the hits of a search fit into its candidates");

/* How many times as long a walk takes where this share of the rows matches. */
static inline double cost_walk_growth(double share)
{
    return pow(share, -WALK_GROWTH_POWER);
}

/* The rank of a patient walk where this share of the rows matches, as a part of that where all
 * match. The candidates that it follows shrink with it. */
static inline double cost_rank_part(uint32_t k, double share)
{
    return (double)patience_rank(k, share) / patience_rank(k, 1);
}

#endif
