// The ann bench's yardstick: hnswlib, from Debian's headers, compiled for the processor it runs on.
//
//   hnswlib_ann build BASE DIM l2|cosine|ip THREADS M EF_CONSTRUCTION INDEX
//   hnswlib_ann search INDEX QUERIES DIM l2|cosine|ip K SECONDS EF,EF,... FOUND
//
// BASE and QUERIES are raw float32. Under cosine both are brought to length 1 outside of what is timed, which
// is how hnswlib is used with it. `search` prints for every ef "figure qps:EF", "figure p50:EF" and
// "figure p99:EF" (microseconds) over as many whole passes as SECONDS take, and appends the rows found to FOUND: K
// int32 a query, -1 where there were fewer.
#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <numeric>
#include <sstream>
#include <string>
#include <thread>

using Graph = hnswlib::HierarchicalNSW<float>;
using Clock = std::chrono::steady_clock;

static double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

static std::vector<float> read_vectors(const std::string &path, size_t dim, bool cosine) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) throw std::runtime_error(path + ": cannot be read");
    std::vector<float> vectors(static_cast<size_t>(file.tellg()) / sizeof(float));
    file.seekg(0);
    file.read(reinterpret_cast<char *>(vectors.data()), static_cast<std::streamsize>(vectors.size() * sizeof(float)));
    for (size_t row = 0; cosine && row < vectors.size() / dim; row++) {
        float *vector = &vectors[row * dim];
        double sum = 0;
        for (size_t i = 0; i < dim; i++) sum += double(vector[i]) * vector[i];
        for (size_t i = 0; i < dim; i++) vector[i] /= static_cast<float>(std::sqrt(sum));
    }
    return vectors;
}

static std::unique_ptr<hnswlib::SpaceInterface<float>> make_space(size_t dim, const std::string &metric) {
    if (metric == "l2") return std::make_unique<hnswlib::L2Space>(dim);
    return std::make_unique<hnswlib::InnerProductSpace>(dim);
}

static void build(char **argument) {
    size_t dim = std::stoul(argument[1]), threads = std::stoul(argument[3]);
    std::string metric = argument[2];
    std::vector<float> base = read_vectors(argument[0], dim, metric == "cosine");
    size_t rows = base.size() / dim;
    auto space = make_space(dim, metric);

    auto begin = Clock::now();
    Graph graph(space.get(), rows, std::stoul(argument[4]), std::stoul(argument[5]));
    graph.addPoint(base.data(), 0);
    std::atomic<size_t> next{1};
    auto work = [&] {
        for (size_t row; (row = next++) < rows;) graph.addPoint(&base[row * dim], row);
    };
    std::vector<std::thread> others;
    for (size_t i = 1; i < threads; i++) others.emplace_back(work);
    work();
    for (auto &thread : others) thread.join();
    std::printf("figure build %.6f\n", seconds_since(begin));
    graph.saveIndex(argument[6]);
}

static double percentile(const std::vector<float> &sorted, double part) {
    return sorted[std::min(sorted.size() - 1, static_cast<size_t>(part * static_cast<double>(sorted.size())))];
}

static void search(char **argument) {
    size_t dim = std::stoul(argument[2]), k = std::stoul(argument[4]);
    std::string metric = argument[3];
    double seconds = std::stod(argument[5]);
    auto space = make_space(dim, metric);
    Graph graph(space.get(), argument[0]);
    std::vector<float> queries = read_vectors(argument[1], dim, metric == "cosine");
    size_t count = queries.size() / dim;
    std::vector<int32_t> found(count * k);
    auto pass = [&](std::vector<float> *times) {
        std::fill(found.begin(), found.end(), -1);
        for (size_t q = 0; q < count; q++) {
            auto begin = Clock::now();
            auto hits = graph.searchKnn(&queries[q * dim], k);
            for (size_t i = hits.size(); i-- > 0; hits.pop()) found[q * k + i] = int32_t(hits.top().second);
            if (times) times->push_back(static_cast<float>(1e6 * seconds_since(begin)));
        }
    };

    std::ofstream out(argument[7], std::ios::binary | std::ios::app);
    std::istringstream list(argument[6]);
    bool warm = false;
    for (std::string ef; std::getline(list, ef, ',');) {
        graph.setEf(std::stoul(ef));
        if (!warm) pass(nullptr), warm = true; // brings the pages in
        std::vector<float> times;
        auto begin = Clock::now();
        do pass(&times);
        while (seconds_since(begin) < seconds);
        double sum = std::accumulate(times.begin(), times.end(), 0.0);
        std::sort(times.begin(), times.end());
        std::printf("figure qps:%s %.3f\nfigure p50:%s %.3f\nfigure p99:%s %.3f\n", ef.c_str(),
                    1e6 * static_cast<double>(times.size()) / sum, ef.c_str(), percentile(times, 0.50), ef.c_str(),
                    percentile(times, 0.99));
        out.write(reinterpret_cast<const char *>(found.data()), std::streamsize(found.size() * sizeof(int32_t)));
    }
}

int main(int argc, char **argv) {
    std::string command = argc > 1 ? argv[1] : "";
    try {
        if (command == "build" && argc == 9) return build(argv + 2), 0;
        if (command == "search" && argc == 10) return search(argv + 2), 0;
        std::fprintf(stderr, "usage: hnswlib_ann build|search ... (see the top of its source)\n");
        return 2;
    } catch (const std::exception &failure) {
        std::fprintf(stderr, "hnswlib_ann: %s\n", failure.what());
        return 1;
    }
}
