package vitrine.app.state;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vitrine.core.files.SharedDatabase;

/// The database of recent files, settings and prompts: SQLite with a write-ahead log, so that two windows may share it.
///
/// All calls return at once; the work is done on a thread of its own, in order. A damaged file is set aside under another name and a
/// new one begun; a file that cannot be written is told once in the log, and the window then remembers nothing.
public final class StateStore implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(StateStore.class);
    /// Raised when the tables change; a file of a later version is left alone.
    private static final int VERSION = 1;
    private static final int KEPT_RECENT = 50;
    private static final int BUSY_MILLIS = 5000;

    private final Path file;
    private final ExecutorService thread = Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name("state").factory());
    private Connection connection;
    private boolean gone;

    /// Opens nothing yet: the first call does, on the store's own thread.
    public StateStore(Path file) {
        this.file = file;
    }

    /// What a call does with the open database.
    private interface Work<T> {
        T with(Connection c) throws SQLException;
    }

    private <T> CompletableFuture<T> run(T otherwise, Work<T> work) {
        return CompletableFuture.supplyAsync(() -> {
            if (gone) {
                return otherwise;
            }
            try {
                return work.with(open());
            } catch (SQLException e) {
                LOG.warn("the state in {} cannot be used: {}", file, e.getMessage());
                return again(otherwise, work, e);
            }
        }, thread);
    }

    /// A damaged file is set aside and the work tried once more. What a busy file did not take is lost; the next may be taken.
    private <T> T again(T otherwise, Work<T> work, SQLException first) {
        if (SharedDatabase.busy(first)) {
            return otherwise;
        }
        boolean damaged = first.getMessage() != null && (first.getMessage().contains("SQLITE_CORRUPT") || first.getMessage().contains("SQLITE_NOTADB"));
        try {
            if (damaged) {
                disconnect();
                Path aside = file.resolveSibling(file.getFileName() + ".damaged-" + Instant.now().toEpochMilli());
                Files.move(file, aside);
                for (String suffix : List.of("-wal", "-shm")) {
                    Files.deleteIfExists(file.resolveSibling(file.getFileName() + suffix));
                }
                LOG.warn("the damaged file was set aside as {}", aside.getFileName());
                return work.with(open());
            }
        } catch (SQLException | IOException e) {
            LOG.warn("nothing will be remembered: {}", e.getMessage());
        }
        gone = true;
        return otherwise;
    }

    private Connection open() throws SQLException {
        if (connection != null) {
            return connection;
        }
        Connection opened = SharedDatabase.open(file, BUSY_MILLIS);
        try (Statement s = opened.createStatement()) {
            s.execute("PRAGMA synchronous = NORMAL");
            int version;
            try (ResultSet r = s.executeQuery("PRAGMA user_version")) {
                version = r.next() ? r.getInt(1) : 0;
            }
            if (version > VERSION) {
                throw new SQLException("it was written by a later version (" + version + " instead of " + VERSION + ")");
            }
            s.execute("CREATE TABLE IF NOT EXISTS recent (path TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, what TEXT NOT NULL, "
                    + "facts TEXT NOT NULL, bytes INTEGER NOT NULL, opened INTEGER NOT NULL)");
            s.execute("CREATE TABLE IF NOT EXISTS setting (key TEXT PRIMARY KEY, value TEXT NOT NULL)");
            s.execute("CREATE TABLE IF NOT EXISTS prompt (path TEXT PRIMARY KEY, text TEXT NOT NULL)");
            s.execute("PRAGMA user_version = " + VERSION);
        } catch (SQLException e) {
            opened.close();
            throw e;
        }
        connection = opened;
        return connection;
    }

    private void disconnect() throws SQLException {
        if (connection != null) {
            connection.close();
            connection = null;
        }
    }

    /// What was opened before, the latest first.
    public CompletableFuture<List<RecentItem>> recent() {
        return run(List.of(), c -> {
            List<RecentItem> out = new ArrayList<>();
            try (Statement s = c.createStatement();
                 ResultSet r = s.executeQuery("SELECT path, kind, name, what, facts, bytes, opened FROM recent ORDER BY opened DESC, rowid DESC")) {
                while (r.next()) {
                    out.add(new RecentItem(Path.of(r.getString(1)), RecentItem.Kind.valueOf(r.getString(2)), r.getString(3), r.getString(4), r.getString(5),
                            r.getLong(6), Instant.ofEpochMilli(r.getLong(7))));
                }
            }
            return out;
        });
    }

    /// Remembers that something was opened.
    public CompletableFuture<Void> opened(RecentItem item) {
        return run(null, c -> {
            try (PreparedStatement s = c.prepareStatement("INSERT OR REPLACE INTO recent VALUES (?, ?, ?, ?, ?, ?, ?)")) {
                s.setString(1, item.path().toString());
                s.setString(2, item.kind().name());
                s.setString(3, item.name());
                s.setString(4, item.what());
                s.setString(5, item.facts());
                s.setLong(6, item.bytes());
                s.setLong(7, item.opened().toEpochMilli());
                s.executeUpdate();
            }
            try (PreparedStatement s = c.prepareStatement("DELETE FROM recent WHERE path NOT IN (SELECT path FROM recent ORDER BY opened DESC LIMIT ?)")) {
                s.setInt(1, KEPT_RECENT);
                s.executeUpdate();
            }
            return null;
        });
    }

    /// Forgets one thing that was opened.
    public CompletableFuture<Void> forget(Path path) {
        return run(null, c -> {
            try (PreparedStatement s = c.prepareStatement("DELETE FROM recent WHERE path = ?")) {
                s.setString(1, path.toString());
                s.executeUpdate();
            }
            return null;
        });
    }

    /// Forgets all that was opened, and all prompts.
    public CompletableFuture<Void> forgetAll() {
        return run(null, c -> {
            try (Statement s = c.createStatement()) {
                s.executeUpdate("DELETE FROM recent");
                s.executeUpdate("DELETE FROM prompt");
            }
            return null;
        });
    }

    /// A setting's value, if it was ever set.
    public CompletableFuture<Optional<String>> setting(String key) {
        return run(Optional.empty(), c -> one(c, "SELECT value FROM setting WHERE key = ?", key));
    }

    public CompletableFuture<Void> set(String key, String value) {
        return run(null, c -> put(c, "INSERT OR REPLACE INTO setting VALUES (?, ?)", key, value));
    }

    /// The last prompt that was given to a checkpoint.
    public CompletableFuture<Optional<String>> prompt(String path) {
        return run(Optional.empty(), c -> one(c, "SELECT text FROM prompt WHERE path = ?", path));
    }

    public CompletableFuture<Void> setPrompt(String path, String text) {
        return run(null, c -> put(c, "INSERT OR REPLACE INTO prompt VALUES (?, ?)", path, text));
    }

    private static Optional<String> one(Connection c, String query, String key) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(query)) {
            s.setString(1, key);
            try (ResultSet r = s.executeQuery()) {
                return r.next() ? Optional.of(r.getString(1)) : Optional.empty();
            }
        }
    }

    private static Void put(Connection c, String statement, String key, String value) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(statement)) {
            s.setString(1, key);
            s.setString(2, value);
            s.executeUpdate();
        }
        return null;
    }

    /// Finishes what was asked for and closes the file.
    @Override
    public void close() {
        run(null, c -> {
            disconnect();
            return null;
        });
        thread.shutdown();
        try {
            if (!thread.awaitTermination(BUSY_MILLIS, TimeUnit.MILLISECONDS)) {
                LOG.warn("the state was not written in time");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
