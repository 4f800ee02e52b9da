package vitrine.core.files;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;

/// A SQLite file that several processes use at once, each waiting for the others.
public final class SharedDatabase {

    private static final int SQLITE_BUSY = 5;
    private static final long PAUSE_MILLIS = 10;

    private SharedDatabase() {}

    /// Opens a file with a write-ahead log; it is made where it is missing.
    ///
    /// Of several who open a new file at once one turns the log on. SQLite tells the others at once that it is busy, whatever time to wait it was given, since some of them wait for each other: they begin
    /// again.
    ///
    /// @param patienceMillis how long a statement, or this call, waits for other processes
    /// @throws SQLException where the file cannot be used; [#busy] where others use it for longer
    public static Connection open(Path file, int patienceMillis) throws SQLException {
        long end = System.nanoTime() + patienceMillis * 1_000_000L;
        while (true) {
            Connection c = DriverManager.getConnection("jdbc:sqlite:" + file);
            try (Statement s = c.createStatement()) {
                s.execute("PRAGMA busy_timeout = " + patienceMillis);
                s.execute("PRAGMA journal_mode = WAL");
                return c;
            } catch (SQLException e) {
                c.close();
                if (!busy(e) || System.nanoTime() >= end) {
                    throw e;
                }
            }
            try {
                Thread.sleep(PAUSE_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new SQLException("interrupted while another process used " + file, e);
            }
        }
    }

    /// Whether the file is all right and in use by others: nothing that a damaged file has.
    public static boolean busy(SQLException e) {
        return (e.getErrorCode() & 0xff) == SQLITE_BUSY;
    }
}
