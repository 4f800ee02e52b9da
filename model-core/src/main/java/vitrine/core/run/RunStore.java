package vitrine.core.run;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import vitrine.core.artifact.Manifest;
import vitrine.core.files.SharedDatabase;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;

/// The runs of this machine's user. Several processes may use it at once.
public final class RunStore implements AutoCloseable {

    private static final int VERSION = 1;
    private static final String FILE = "runs.db";
    /// Runs with their last figures, each of which is found by its key: however long the runs were, no other figure of theirs is read.
    static final String RUNS = "SELECT number, created, method, model, task, state, process, process_start, steps, message, "
            + "(SELECT max(step) FROM metrics WHERE run=number AND name IN ('loss', 'layer')) AS step, "
            + "(SELECT value FROM metrics WHERE run=number AND name='loss' ORDER BY step DESC LIMIT 1) AS loss, "
            + "(SELECT value FROM metrics WHERE run=number AND name='validation_loss' ORDER BY step DESC LIMIT 1) AS validation FROM runs ";
    private static final String TASK = "task.json";
    private static final int BUSY_MILLIS = 5000;

    private final Path folder;
    private final Connection db;

    private RunStore(Path folder, Connection db) {
        this.folder = folder;
        this.db = db;
    }

    /// Opens the store in a folder, which is made where it is missing. A file that is damaged is set aside and made again from the runs' folders.
    ///
    /// @throws Refusal `version-unsupported` for a store of a newer program, which is left as it is; `unreadable`
    public static RunStore open(Path folder) {
        try {
            Files.createDirectories(folder);
            try {
                return connect(folder);
            } catch (SQLException e) {
                Path file = folder.resolve(FILE);
                if (SharedDatabase.busy(e) || !Files.exists(file)) {
                    throw e;
                }
                Files.move(file, folder.resolve(FILE + ".damaged-" + Instant.now().toEpochMilli()));
                Files.deleteIfExists(folder.resolve(FILE + "-wal"));
                Files.deleteIfExists(folder.resolve(FILE + "-shm"));
                return connect(folder);
            }
        } catch (IOException | SQLException e) {
            throw Refusal.of(Category.UNREADABLE, folder.resolve(FILE), "the store of runs cannot be opened (%s)", String.valueOf(e.getMessage()).lines().findFirst().orElse("")).cause(e);
        }
    }

    private static RunStore connect(Path folder) throws SQLException, IOException {
        Connection db = SharedDatabase.open(folder.resolve(FILE), BUSY_MILLIS);
        try (Statement s = db.createStatement()) {
            s.execute("PRAGMA synchronous = FULL");
            s.execute("PRAGMA foreign_keys = ON");
            int version = s.executeQuery("PRAGMA user_version").getInt(1);
            if (version > VERSION) {
                db.close();
                throw Refusal.of(Category.VERSION_UNSUPPORTED, folder.resolve(FILE), "it was written by a newer program (version %d; this one writes %d)", version, VERSION);
            }
            RunStore store = new RunStore(folder, db);
            if (version == 0) {
                s.execute("BEGIN IMMEDIATE");
                s.execute("CREATE TABLE IF NOT EXISTS runs(number INTEGER PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, method TEXT NOT NULL, model TEXT NOT NULL, task TEXT NOT NULL, "
                        + "environment TEXT NOT NULL, state TEXT NOT NULL, process INTEGER, process_start INTEGER, steps INTEGER NOT NULL DEFAULT 0, message TEXT)");
                s.execute("CREATE TABLE IF NOT EXISTS metrics(run INTEGER NOT NULL REFERENCES runs(number) ON DELETE CASCADE, step INTEGER NOT NULL, name TEXT NOT NULL, value REAL, "
                        + "PRIMARY KEY(run, name, step)) WITHOUT ROWID");
                s.execute("CREATE TABLE IF NOT EXISTS events(run INTEGER NOT NULL REFERENCES runs(number) ON DELETE CASCADE, time TEXT NOT NULL, kind TEXT NOT NULL, message TEXT NOT NULL)");
                s.execute("PRAGMA user_version = " + VERSION);
                s.execute("COMMIT");
                store.rebuild();
            } else if (!s.executeQuery("PRAGMA quick_check").getString(1).equals("ok")) {
                db.close();
                throw new SQLException("the file is damaged");
            }
            return store;
        }
    }

    /// Lists the runs whose folders are there and whose rows are not.
    private void rebuild() throws SQLException, IOException {
        List<Path> folders;
        try (Stream<Path> children = Files.list(folder)) {
            folders = children.filter(p -> p.getFileName().toString().matches("\\d{1,9}") && Files.exists(p.resolve(TASK))).sorted().toList();
        }
        for (Path p : folders) {
            ObjectNode stored = (ObjectNode) Json.mapper().readTree(p.resolve(TASK).toFile());
            Path result = p.resolve("result");
            boolean finished = Files.exists(result.resolve(Manifest.FILE));
            try (PreparedStatement q = db.prepareStatement("INSERT OR IGNORE INTO runs(number, created, method, model, task, environment, state) VALUES(?,?,?,?,?,?,?)")) {
                bind(q, Long.parseLong(p.getFileName().toString()), stored.path("created").asText(), stored.path("task").path("method").asText(), stored.path("task").path("model").asText(),
                        Json.line(stored.path("task")), Json.line(stored.path("environment")), finished ? "finished" : "interrupted");
                q.executeUpdate();
            }
            if (finished && Files.exists(result.resolve("figures.jsonl"))) {
                SortedMap<Long, Map<String, Double>> rows = new TreeMap<>();
                for (String line : Files.readAllLines(result.resolve("figures.jsonl"), StandardCharsets.UTF_8)) {
                    ObjectNode n = (ObjectNode) Json.mapper().readTree(line);
                    Map<String, Double> values = new LinkedHashMap<>();
                    n.properties().stream().filter(e -> !e.getKey().equals("step")).forEach(e -> values.put(e.getKey(), e.getValue().asDouble()));
                    rows.put(n.path("step").asLong(), values);
                }
                record(Long.parseLong(p.getFileName().toString()), rows);
            }
        }
    }

    private static void bind(PreparedStatement q, Object... values) throws SQLException {
        for (int i = 0; i < values.length; i++) {
            q.setObject(i + 1, values[i]);
        }
    }

    private interface Work<T> {
        T run() throws SQLException;
    }

    private synchronized <T> T query(Work<T> work) {
        try {
            return work.run();
        } catch (SQLException e) {
            throw Refusal.of(Category.UNREADABLE, folder.resolve(FILE), "the store of runs does not answer (%s)", String.valueOf(e.getMessage()).lines().findFirst().orElse("")).cause(e);
        }
    }

    private void update(String sql, Object... values) {
        query(() -> {
            try (PreparedStatement q = db.prepareStatement(sql)) {
                bind(q, values);
                return q.executeUpdate();
            }
        });
    }

    /// The folder of a run.
    public Path folder(long number) {
        return folder.resolve(String.valueOf(number));
    }

    /// Makes a run and its folder.
    ///
    /// @param environment what it is computed with, for people
    public RunRecord create(ObjectNode task, ObjectNode environment) throws IOException {
        String created = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
        long number = query(() -> {
            try (PreparedStatement q = db.prepareStatement("INSERT INTO runs(created, method, model, task, environment, state) VALUES(?,?,?,?,?,'interrupted')", Statement.RETURN_GENERATED_KEYS)) {
                bind(q, created, task.path("method").asText(), task.path("model").asText(), Json.line(task), Json.line(environment));
                q.executeUpdate();
                return q.getGeneratedKeys().getLong(1);
            }
        });
        Files.createDirectories(folder(number));
        ObjectNode stored = Json.object().put("created", created);
        stored.set("task", task);
        stored.set("environment", environment);
        Whole.write(folder(number).resolve(TASK), Json.pretty(stored).getBytes(StandardCharsets.UTF_8));
        return get(number).orElseThrow();
    }

    /// This process takes a run up.
    ///
    /// @throws Refusal `task-invalid` where another is at work on it
    public void begin(long number) {
        RunRecord r = get(number).orElseThrow();
        if (r.state() == RunRecord.State.running) {
            throw Refusal.of(Category.TASK_INVALID, null, "run %d is still going", number).help("vitrine runs stop " + number + " stops it.");
        }
        ProcessHandle self = ProcessHandle.current();
        update("UPDATE runs SET state='running', process=?, process_start=?, message=NULL WHERE number=?", self.pid(), started(self), number);
        event(number, "state", "running");
    }

    private static long started(ProcessHandle p) {
        return p.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
    }

    /// How a run ended, or stands now.
    public void end(long number, RunRecord.State state, String message) {
        update("UPDATE runs SET state=?, process=NULL, process_start=NULL, message=? WHERE number=?", state.name(), message, number);
        event(number, "state", message == null ? state.name() : state.name() + ": " + message);
    }

    /// How many steps a run has in all.
    public void steps(long number, long steps) {
        update("UPDATE runs SET steps=? WHERE number=?", steps, number);
    }

    /// Something that happened to a run.
    public void event(long number, String kind, String message) {
        update("INSERT INTO events(run, time, kind, message) VALUES(?,?,?,?)", number, Instant.now().toString(), kind, message);
    }

    /// Keeps figures of steps; those of a step that is told again replace the earlier ones.
    public void record(long number, SortedMap<Long, Map<String, Double>> rows) {
        query(() -> {
            db.setAutoCommit(false);
            try (PreparedStatement q = db.prepareStatement("INSERT OR REPLACE INTO metrics(run, step, name, value) VALUES(?,?,?,?)")) {
                for (Map.Entry<Long, Map<String, Double>> row : rows.entrySet()) {
                    for (Map.Entry<String, Double> v : row.getValue().entrySet()) {
                        bind(q, number, row.getKey(), v.getKey(), v.getValue());
                        q.addBatch();
                    }
                }
                q.executeBatch();
                db.commit();
            } catch (SQLException e) {
                db.rollback();
                throw e;
            } finally {
                db.setAutoCommit(true);
            }
            return null;
        });
    }

    /// A run's task becomes another, such as one with more steps.
    public void change(long number, ObjectNode task) throws IOException {
        ObjectNode stored = Json.object().put("created", get(number).orElseThrow().created());
        stored.set("task", task);
        stored.set("environment", environment(number));
        Whole.write(folder(number).resolve(TASK), Json.pretty(stored).getBytes(StandardCharsets.UTF_8));
        update("UPDATE runs SET task=?, method=?, model=?, steps=? WHERE number=?", Json.line(task), task.path("method").asText(), task.path("model").asText(),
                task.path("settings").path("steps").asLong(), number);
    }

    /// What runs are computed with in this process' surroundings, for people.
    public static ObjectNode environment(String engine, String version, int threads) {
        return Json.object().put("engine", engine).put("version", version).put("threads", threads).put("java", Runtime.version().toString())
                .put("system", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
    }

    /// What happened to a run, in its order.
    ///
    /// @param time ISO-8601 instant, UTC
    /// @param kind `state` or `warning`
    public record Event(String time, String kind, String message) {}

    /// What happened to a run, in its order.
    public List<Event> events(long number) {
        return query(() -> {
            List<Event> out = new ArrayList<>();
            try (PreparedStatement q = db.prepareStatement("SELECT time, kind, message FROM events WHERE run=? ORDER BY rowid")) {
                bind(q, number);
                ResultSet r = q.executeQuery();
                while (r.next()) {
                    out.add(new Event(r.getString(1), r.getString(2), r.getString(3)));
                }
            }
            return out;
        });
    }

    /// Forgets figures after a step: the run went on from there.
    public void forgetAfter(long number, long step) {
        update("DELETE FROM metrics WHERE run=? AND step>?", number, step);
    }

    /// A number that changes whenever another process has written to the store.
    public long revision() {
        return query(() -> {
            try (Statement s = db.createStatement()) {
                return s.executeQuery("PRAGMA data_version").getLong(1);
            }
        });
    }

    /// A run by number.
    public Optional<RunRecord> get(long number) {
        return select("WHERE number=" + number).stream().findFirst();
    }

    /// What a run was begun with, as [#create] was told.
    public ObjectNode environment(long number) {
        return query(() -> {
            try (PreparedStatement q = db.prepareStatement("SELECT environment FROM runs WHERE number=?")) {
                bind(q, number);
                try (ResultSet r = q.executeQuery()) {
                    return r.next() && Json.mapper().readTree(r.getString(1)) instanceof ObjectNode o ? o : Json.object();
                } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
                    return Json.object();
                }
            }
        });
    }

    /// All runs, the latest first.
    public List<RunRecord> list() {
        return select("");
    }

    private List<RunRecord> select(String where) {
        return query(() -> {
            List<RunRecord> out = new ArrayList<>();
            try (Statement s = db.createStatement(); ResultSet r = s.executeQuery(RUNS + where + " ORDER BY number DESC")) {
                while (r.next()) {
                    out.add(record(r));
                }
            }
            return out;
        });
    }

    private RunRecord record(ResultSet r) throws SQLException {
        RunRecord.State state = RunRecord.State.valueOf(r.getString("state"));
        if (state == RunRecord.State.running && !alive(r.getLong("process"), r.getLong("process_start"))) {
            state = RunRecord.State.interrupted;
        }
        double value = r.getDouble("loss");
        double loss = r.wasNull() ? Double.NaN : value;
        double validated = r.getDouble("validation");
        double validation = r.wasNull() ? Double.NaN : validated;
        try {
            return new RunRecord(r.getLong("number"), r.getString("created"), r.getString("method"), r.getString("model"), (ObjectNode) Json.mapper().readTree(r.getString("task")),
                    folder(r.getLong("number")), state, r.getLong("step"), r.getLong("steps"), loss, validation, r.getString("message"));
        } catch (IOException e) {
            throw new SQLException("a task that is no JSON", e);
        }
    }

    private static boolean alive(long process, long start) {
        return ProcessHandle.of(process).filter(ProcessHandle::isAlive).filter(p -> start == 0 || Math.abs(started(p) - start) < 2000).isPresent();
    }

    /// A run's figures by name, each by step.
    public Map<String, SortedMap<Long, Double>> figures(long number) {
        return figures(number, 0);
    }

    /// The figures from a step on.
    public Map<String, SortedMap<Long, Double>> figures(long number, long from) {
        return query(() -> {
            Map<String, SortedMap<Long, Double>> out = new LinkedHashMap<>();
            try (PreparedStatement q = db.prepareStatement("WITH RECURSIVE n(name) AS (SELECT min(name) FROM metrics WHERE run=?1 UNION ALL "
                    // Name by name, so that the steps before are not read: whoever watches a long run asks several times a second.
                    + "SELECT (SELECT min(name) FROM metrics WHERE run=?1 AND name>n.name) FROM n WHERE n.name IS NOT NULL) "
                    + "SELECT m.name, m.step, m.value FROM n JOIN metrics m ON m.run=?1 AND m.name=n.name AND m.step>=?2 ORDER BY m.name, m.step")) {
                bind(q, number, from);
                ResultSet r = q.executeQuery();
                while (r.next()) {
                    double v = r.getDouble(3);
                    out.computeIfAbsent(r.getString(1), n -> new TreeMap<>()).put(r.getLong(2), r.wasNull() ? Double.NaN : v);
                }
            }
            return out;
        });
    }

    @Override
    public void close() {
        query(() -> {
            db.close();
            return null;
        });
    }
}
