package vitrine.app.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StateStoreTest {

    @TempDir
    Path folder;

    private static RecentItem item(String name, long second) {
        return new RecentItem(Path.of("/models", name), RecentItem.Kind.CHECKPOINT, name, "Llama checkpoint", "1 parameter", 7, Instant.ofEpochSecond(second));
    }

    @Test
    void remembersTheLatestFirstAndEachPathOnce() {
        Path file = folder.resolve("state.db");
        try (StateStore store = new StateStore(file)) {
            store.opened(item("a", 1));
            store.opened(item("b", 2));
            store.opened(item("a", 3));
        }
        try (StateStore store = new StateStore(file)) {
            assertEquals(List.of(item("a", 3), item("b", 2)), store.recent().join());
            store.forget(Path.of("/models/a"));
            assertEquals(List.of(item("b", 2)), store.recent().join());
        }
    }

    @Test
    void keepsFiftyAtMost() {
        try (StateStore store = new StateStore(folder.resolve("state.db"))) {
            for (int i = 0; i < 60; i++) {
                store.opened(item("m" + i, i));
            }
            List<RecentItem> recent = store.recent().join();
            assertEquals(50, recent.size());
            assertEquals("m59", recent.getFirst().name());
        }
    }

    @Test
    void twoWindowsShareAFile() {
        Path file = folder.resolve("state.db");
        try (StateStore one = new StateStore(file); StateStore two = new StateStore(file)) {
            for (int i = 0; i < 20; i++) {
                one.set("a" + i, "1");
                two.set("b" + i, "2");
            }
            assertEquals(Optional.of("2"), one.setting("b0").thenCompose(x -> two.setting("b19")).join());
            assertEquals(Optional.of("1"), one.setting("a19").join());
        }
    }

    /// Windows that open at the same moment on a file that is not there yet: all remember.
    @Test
    void manyOpenANewFileAtOnce() {
        for (int round = 0; round < 40; round++) {
            Path file = folder.resolve("state" + round + ".db");
            List<StateStore> windows = Stream.generate(() -> new StateStore(file)).limit(4).toList();
            for (int w = 0; w < 4; w++) {
                windows.get(w).set("window" + w, "here");
            }
            windows.forEach(StateStore::close);
            try (StateStore after = new StateStore(file)) {
                for (int w = 0; w < 4; w++) {
                    assertEquals(Optional.of("here"), after.setting("window" + w).join(), "round " + round);
                }
            }
        }
    }

    @Test
    void aDamagedFileIsSetAsideAndANewOneBegun() throws Exception {
        Path file = folder.resolve("state.db");
        Files.writeString(file, "this is no database, only words that are long enough to be taken for a header of one");
        try (StateStore store = new StateStore(file)) {
            assertEquals(List.of(), store.recent().join());
            store.setPrompt("/models/a", "Once");
            assertEquals(Optional.of("Once"), store.prompt("/models/a").join());
        }
        try (Stream<Path> all = Files.list(folder)) {
            assertTrue(all.anyMatch(p -> p.getFileName().toString().startsWith("state.db.damaged-")));
        }
    }

    @Test
    void aFileOfALaterVersionIsLeftAlone() throws Exception {
        Path file = folder.resolve("state.db");
        try (Connection c = DriverManager.getConnection("jdbc:sqlite:" + file)) {
            c.createStatement().execute("PRAGMA user_version = 99");
            c.createStatement().execute("CREATE TABLE something (x)");
        }
        byte[] before = Files.readAllBytes(file);
        try (StateStore store = new StateStore(file)) {
            store.set("look", "DARK").join();
            assertEquals(Optional.empty(), store.setting("look").join());
        }
        try (Connection c = DriverManager.getConnection("jdbc:sqlite:" + file)) {
            assertTrue(c.createStatement().executeQuery("SELECT count(*) FROM something").next());
        }
        assertEquals(before.length, Files.size(file));
    }

    @Test
    void aFolderThatCannotBeWrittenOnlyMeansNoMemory() throws Exception {
        Path notAFolder = Files.createFile(folder.resolve("file"));
        try (StateStore store = new StateStore(notAFolder.resolve("state.db"))) {
            store.opened(item("a", 1));
            assertEquals(List.of(), store.recent().join());
        }
    }
}
