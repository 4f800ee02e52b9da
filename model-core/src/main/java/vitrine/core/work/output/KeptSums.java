package vitrine.core.work.output;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.zip.CRC32C;
import vitrine.core.checkpoint.safetensors.SafetensorsFile;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter.Declared;
import vitrine.core.checkpoint.safetensors.SafetensorsWriter;
import vitrine.core.files.Whole;
import vitrine.core.progress.Progress;
import vitrine.core.refusal.Refusal;
import vitrine.core.task.RunFolder;
import vitrine.core.tensor.DType;
import vitrine.core.tensor.Shape;

/// What a run adds up over texts, kept on the disk as it grows: every sum has a file `steps/sums/NAME.safetensors`, whole or absent, that is written anew after every 8,192 tokens that passed the model
/// (or a share of them, where a method says so). A run that was broken off goes on after the last of them, to the same bits: float64 values are kept as they are, and sequences pass in the same groups whenever it goes on.
///
/// A file of another run is never taken up; one that is damaged is computed again, and that is said.
public final class KeptSums {

    /// Tokens that pass between two times that sums are written.
    private static final int TOGETHER = 8192;

    /// Nothing is kept, and sequences pass in the same groups: what a preview adds up is what the run will.
    public static final KeptSums NONE = new KeptSums(null, "", TOGETHER, w -> { });

    private static final String FOLDER = "sums";
    private static final int SLICE = 1 << 20;

    private final RunFolder folder;
    private final String run;
    private final int together;
    private final Consumer<String> warn;

    /// @param run names the run
    /// @param warn told of a file that cannot be used
    public KeptSums(RunFolder folder, String run, Consumer<String> warn) {
        this(folder, run, TOGETHER, warn);
    }

    /// @param together so many tokens pass between two times that sums are kept; part of what the sums are, bit by bit
    public KeptSums(RunFolder folder, String run, int together, Consumer<String> warn) {
        this.folder = folder;
        this.run = run;
        this.together = together;
        this.warn = warn;
    }

    /// Adds sequences `from` to `to` up.
    @FunctionalInterface
    public interface Batch {
        void add(int from, int to) throws IOException;
    }

    /// Removes what a run has kept, which its result holds.
    public static void delete(RunFolder folder) {
        Whole.delete(folder.steps().resolve(FOLDER));
    }

    /// Adds all sequences up, group by group; those that an earlier session of the run has added are not passed again.
    ///
    /// @param name of the sums among those of the run
    /// @param values all zeros at first; in the end the sums
    /// @param sequences tokens of each
    /// @param often how many times as often as other sums these are kept
    public void over(String name, List<double[]> values, List<int[]> sequences, int often, Batch batch) throws IOException {
        Sums sums = of(name, values);
        for (int from = sums.done(); from < sequences.size();) {
            int to = from;
            long tokens = 0;
            while (to < sequences.size() && (to == from || tokens + sequences.get(to).length <= together / often)) {
                tokens += sequences.get(to++).length;
            }
            batch.add(from, to);
            sums.keep(to);
            from = to;
        }
    }

    /// The same, in groups that pass a layer together.
    public void over(String name, List<double[]> values, List<int[]> sequences, Batch batch) throws IOException {
        over(name, values, sequences, 1, batch);
    }

    /// Takes up sums that an earlier session has left, or begins them.
    public Sums of(String name, List<double[]> values) throws IOException {
        return new Sums(name, values);
    }

    /// Ends the session where the run is asked to stop.
    public void stopIfAsked() throws IOException {
        if (folder == null) {
            return;
        }
        var asked = folder.asked();
        if (asked.isPresent()) {
            if (asked.get() == RunFolder.Stop.finish) {
                warn.accept("This method has no result before all is scored: the run is paused, and goes on from here.");
            }
            throw new Progress.CancelledException();
        }
    }

    /// One list of sums, and how much has gone into it: sequences, or whatever its owner counts.
    public final class Sums {

        private final String name;
        private final List<double[]> values;
        private int done;
        private long tokens;

        private Sums(String name, List<double[]> values) throws IOException {
            this.name = name;
            this.values = values;
            if (folder != null && Files.exists(file())) {
                done = takenUp();
            }
        }

        private Path file() {
            return folder.steps().resolve(FOLDER).resolve(name + ".safetensors");
        }

        /// How much has been added.
        public int done() {
            return done;
        }

        /// Tells that more has been added, which is kept if enough tokens have passed.
        public void added(int now, long more) throws IOException {
            tokens += more;
            if (tokens >= together) {
                keep(now);
            } else {
                done = now;
            }
        }

        /// Keeps what has been added; then the run may stop.
        public void keep(int now) throws IOException {
            done = now;
            tokens = 0;
            if (folder == null) {
                return;
            }
            Path file = file();
            Files.createDirectories(file.getParent());
            Whole.removeLeftovers(file.getParent());
            Map<String, Declared> declared = new LinkedHashMap<>();
            for (int i = 0; i < values.size(); i++) {
                declared.put(String.valueOf(i), new Declared(DType.F64, Shape.of(values.get(i).length)));
            }
            try (Whole out = Whole.file(file)) {
                try (SafetensorsWriter to = new SafetensorsWriter(out.staging(), declared, Map.of("run", run, "done", String.valueOf(done), "checksum", String.valueOf(checksum())))) {
                    for (int i = 0; i < values.size(); i++) {
                        double[] v = values.get(i);
                        for (int from = 0; from < v.length; from += SLICE) {
                            to.write(String.valueOf(i), from, Arrays.copyOfRange(v, from, Math.min(v.length, from + SLICE)));
                        }
                    }
                }
                out.commit();
            }
            stopIfAsked();
        }

        /// Reads the file.
        ///
        /// @return how much had been added; 0 where it cannot be used, with all values 0
        private int takenUp() {
            try (SafetensorsFile from = SafetensorsFile.open(file())) {
                if (!run.equals(from.metadata().get("run"))) {
                    return 0;
                }
                for (int i = 0; i < values.size(); i++) {
                    double[] v = values.get(i);
                    if (!from.has(String.valueOf(i)) || from.elements(String.valueOf(i)) != v.length) {
                        throw new NumberFormatException("other sums");
                    }
                    for (int at = 0; at < v.length; at += SLICE) {
                        int count = Math.min(SLICE, v.length - at);
                        System.arraycopy(from.doubles(String.valueOf(i), at, count), 0, v, at, count);
                    }
                }
                if (Long.parseLong(from.metadata().get("checksum")) == checksum()) {
                    return Integer.parseInt(from.metadata().get("done"));
                }
            } catch (Refusal | NumberFormatException damaged) {
                // Said below: what cannot be read is computed again.
            }
            warn.accept("What the run had kept of its " + name + " is damaged: it is computed again.");
            values.forEach(v -> Arrays.fill(v, 0));
            return 0;
        }

        /// CRC-32C of the values.
        private long checksum() {
            CRC32C crc = new CRC32C();
            ByteBuffer bytes = ByteBuffer.allocate(8 * (1 << 16)).order(ByteOrder.LITTLE_ENDIAN);
            for (double[] v : values) {
                for (int at = 0; at < v.length; at += 1 << 16) {
                    int count = Math.min(1 << 16, v.length - at);
                    bytes.clear().asDoubleBuffer().put(v, at, count);
                    crc.update(bytes.limit(8 * count));
                }
            }
            return crc.getValue();
        }
    }
}
