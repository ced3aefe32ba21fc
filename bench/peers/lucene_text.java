// The text bench's peer Lucene, from Debian's library: BM25 with its own constants, which are those of the others, the
// standard analyzer, one segment.
//
//   java --class-path lucene-core.jar lucene_text.java build DOCUMENTS INDEX
//   java --class-path lucene-core.jar lucene_text.java search INDEX
//
// The files and the lines of standard input are those of xapian_text.cpp.
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.lucene.analysis.standard.StandardAnalyzer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.IntPoint;
import org.apache.lucene.document.NumericDocValuesField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.LeafReader;
import org.apache.lucene.index.NumericDocValues;
import org.apache.lucene.search.BooleanClause;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.TopScoreDocCollector;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.util.QueryBuilder;

class LuceneText {
    private static final int K = 10;

    private static double secondsSince(long begin) {
        return (System.nanoTime() - begin) / 1e9;
    }

    // Bytes that are no UTF-8 are replaced.
    private static List<String> readLines(String path) throws IOException {
        return List.of(new String(Files.readAllBytes(Path.of(path)), StandardCharsets.UTF_8).split("\n"));
    }

    private static void build(String documents, String index) throws IOException {
        List<String> lines = readLines(documents);
        long begin = System.nanoTime();
        IndexWriterConfig config = new IndexWriterConfig(new StandardAnalyzer()).setRAMBufferSizeMB(256);
        try (IndexWriter writer = new IndexWriter(FSDirectory.open(Path.of(index)), config)) {
            int id = 0;
            for (String line : lines) {
                int space = line.indexOf(' ');
                Document document = new Document();
                document.add(new NumericDocValuesField("id", ++id));
                document.add(new IntPoint("n", Integer.parseInt(line.substring(0, space))));
                document.add(new TextField("body", line.substring(space + 1), Field.Store.NO));
                writer.addDocument(document);
            }
            System.out.printf("figure insert %.6f%n", secondsSince(begin));
            begin = System.nanoTime();
            writer.forceMerge(1);
        }
        System.out.printf("figure index %.6f%n", secondsSince(begin));
    }

    // With the ten best alone counted, documents that cannot be among them are skipped.
    private static ScoreDoc[] hits(IndexSearcher searcher, Query query) throws IOException {
        TopScoreDocCollector collector = TopScoreDocCollector.create(K, K);
        searcher.search(query, collector);
        return collector.topDocs().scoreDocs;
    }

    // The ids in the order of the hits.
    private static long[] idsOf(IndexSearcher searcher, ScoreDoc[] hits) throws IOException {
        LeafReader segment = searcher.getIndexReader().leaves().get(0).reader();
        long[] ids = new long[hits.length];
        for (int i = 0; i < hits.length; i++) {
            NumericDocValues values = segment.getNumericDocValues("id");
            values.advanceExact(hits[i].doc);
            ids[i] = values.longValue();
        }
        return ids;
    }

    private static void pass(IndexSearcher searcher, QueryBuilder builder, String queries, String found,
            boolean filtered) throws IOException {
        try (PrintWriter out = new PrintWriter(found)) {
            for (String line : readLines(queries)) {
                long begin = System.nanoTime();
                Query query = builder.createBooleanQuery("body", line, BooleanClause.Occur.SHOULD);
                if (filtered) {
                    query = new BooleanQuery.Builder().add(query, BooleanClause.Occur.MUST)
                        .add(IntPoint.newRangeQuery("n", 0, 0), BooleanClause.Occur.FILTER).build();
                }
                long[] ids = idsOf(searcher, hits(searcher, query));
                out.print(1e6 * secondsSince(begin));
                for (long id : ids) out.print(" " + id);
                out.print("\n");
            }
        }
    }

    private static void search(String index) throws IOException {
        try (DirectoryReader reader = DirectoryReader.open(FSDirectory.open(Path.of(index)))) {
            IndexSearcher searcher = new IndexSearcher(reader);
            QueryBuilder builder = new QueryBuilder(new StandardAnalyzer());
            BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line; !(line = input.readLine()).equals("end");) {
                String[] words = line.split(" ");
                pass(searcher, builder, words[0], words[1], words[2].equals("1"));
                System.out.println("done");
            }
        }
    }

    public static void main(String[] arguments) throws IOException {
        if (arguments.length == 3 && arguments[0].equals("build")) {
            build(arguments[1], arguments[2]);
        } else if (arguments.length == 2 && arguments[0].equals("search")) {
            search(arguments[1]);
        } else {
            System.err.println("usage: lucene_text build|search ... (see the top of its source)");
            System.exit(2);
        }
    }
}
