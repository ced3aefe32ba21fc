// The text bench's peer Xapian, from Debian's library: BM25 with the constants of the others, no stemming, no stop words.
//
//   xapian_text build DOCUMENTS INDEX
//   xapian_text search INDEX
//
// A line of DOCUMENTS is a number and a text; the line's number is the id. `search` opens the index read-only and makes
// the passes that standard input has, one a line: QUERIES FOUND FILTERED. For each query of QUERIES, which are words in
// a line, FOUND gets a line with the microseconds that it took and the ids of the ten best documents. With FILTERED 1
// the number of a document must be below 1. After a pass it prints "done". The last line is "end".
#include <xapian.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using Clock = std::chrono::steady_clock;

static const Xapian::doccount K = 10;

static double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

static std::string number_term(const std::string &number) {
    return "XN" + number;
}

static void build(const std::string &documents, const std::string &index) {
    std::vector<std::pair<std::string, std::string>> texts;
    std::ifstream file(documents);
    for (std::string number, text; file >> number && file.get() && std::getline(file, text);)
        texts.emplace_back(number, text);

    auto begin = Clock::now();
    {
        Xapian::WritableDatabase database(index + ".parts", Xapian::DB_CREATE_OR_OVERWRITE);
        Xapian::TermGenerator generator;
        for (const auto &entry : texts) {
            Xapian::Document document;
            generator.set_document(document);
            generator.index_text(entry.second);
            document.add_boolean_term(number_term(entry.first));
            database.add_document(document);
        }
        database.commit();
        std::printf("figure insert %.6f\n", seconds_since(begin));
        begin = Clock::now();
        database.compact(index);
    }
    std::printf("figure index %.6f\n", seconds_since(begin));
}

static void pass(Xapian::Enquire &enquire, Xapian::QueryParser &parser, const std::string &queries,
                 const std::string &found, bool filtered) {
    std::ifstream lines(queries);
    std::ofstream out(found);
    for (std::string line; std::getline(lines, line);) {
        auto begin = Clock::now();
        Xapian::Query query = parser.parse_query(line, 0);
        if (filtered) query = Xapian::Query(Xapian::Query::OP_FILTER, query, Xapian::Query(number_term("0")));
        enquire.set_query(query);
        std::vector<Xapian::docid> ids;
        Xapian::MSet hits = enquire.get_mset(0, K);
        for (auto hit = hits.begin(); hit != hits.end(); ++hit) ids.push_back(*hit);
        out << 1e6 * seconds_since(begin);
        for (Xapian::docid id : ids) out << ' ' << id;
        out << '\n';
    }
}

static void search(const std::string &index) {
    Xapian::Database database(index);
    Xapian::Enquire enquire(database);
    enquire.set_weighting_scheme(Xapian::BM25Weight(1.2, 0, 1, 0.75, 0)); // k1, k2, k3, b, least length
    Xapian::QueryParser parser;
    parser.set_default_op(Xapian::Query::OP_OR);
    for (std::string line; std::getline(std::cin, line) && line != "end";) {
        std::istringstream words(line);
        std::string queries, found;
        bool filtered = false;
        words >> queries >> found >> filtered;
        pass(enquire, parser, queries, found, filtered);
        std::cout << "done" << std::endl;
    }
}

int main(int argc, char **argv) {
    std::string command = argc > 1 ? argv[1] : "";
    try {
        if (command == "build" && argc == 4) return build(argv[2], argv[3]), 0;
        if (command == "search" && argc == 3) return search(argv[2]), 0;
        std::fprintf(stderr, "usage: xapian_text build|search ... (see the top of its source)\n");
        return 2;
    } catch (const Xapian::Error &failure) {
        std::fprintf(stderr, "xapian_text: %s\n", failure.get_description().c_str());
        return 1;
    }
}
