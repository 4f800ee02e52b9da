package vitrine.app.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import vitrine.app.engines.Engines;
import vitrine.core.files.Whole;
import vitrine.core.json.Json;
import vitrine.core.refusal.Category;
import vitrine.core.refusal.Refusal;
import vitrine.core.refusal.Visible;
import vitrine.core.task.Task;
import vitrine.core.task.TrainingSupport;
import vitrine.resources.PythonPackage;

/// A training run as a job for a Slurm cluster: the batch script, the task beside it, and the Python package, so that the cluster needs torch,
/// transformers and peft and nothing of Vitrine. Submitted again, the job goes on from its last saved step.
///
/// @param nodes machines, and `gpus` of each
record SlurmExport(Task.Finetune task, Path script, Engines.Choice choice, int nodes, int gpus) {

    private static final String SCRIPT = """
            #!/bin/bash
            # A training run of Vitrine. Submit it in its folder: sbatch %1$s
            # Submitted again, it goes on from its last saved step; its result, run-%2$s/result, opens in Vitrine like any other.
            # Change what your cluster needs (partition, account, time), and the paths in %3$s where they differ there.
            #SBATCH --job-name=vitrine-%4$s
            #SBATCH --nodes=%5$d
            #SBATCH --ntasks-per-node=1
            #SBATCH --gpus-per-node=%6$d
            #SBATCH --cpus-per-task=8
            #SBATCH --time=24:00:00
            #SBATCH --signal=B:USR1@300
            #SBATCH --output=%2$s-%%j.log
            set -euo pipefail
            cd "${SLURM_SUBMIT_DIR:-$(dirname "$0")}"

            # The Python of the cluster, with torch, transformers and peft; or load a module or activate an environment here.
            PYTHON="${VITRINE_PYTHON:-python3}"
            export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
            export OMP_NUM_THREADS="${SLURM_CPUS_PER_TASK:-8}"

            run="run-%2$s"
            mkdir -p "$run"
            head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
            # Shortly before the time is up the run saves its state and ends.
            trap 'touch "$run/stop"' USR1

            srun "$PYTHON" -m torch.distributed.run --nnodes="$SLURM_NNODES" --nproc-per-node=%6$d \\
              --rdzv-id="$SLURM_JOB_ID" --rdzv-backend=c10d --rdzv-endpoint="$head:29500" \\
              -m vitrine_engine --device auto --dtype %7$s --threads "$OMP_NUM_THREADS" --task %3$s --artifact "$run/result" &
            job=$!
            # A signal ends the first wait, not the job.
            wait "$job" || wait "$job"
            """;

    /// Writes the files; the exit code.
    int write(Output output) throws IOException {
        if (nodes < 1 || gpus < 1) {
            throw Refusal.of(Category.TASK_INVALID, null, "--nodes %d --gpus %d: numbers from 1 belong here", nodes, gpus);
        }
        if (nodes * gpus > 1) {
            TrainingSupport.requireShareable(task);
        }
        Path out = Destination.of(script, List.of());
        String name = out.getFileName().toString();
        String stem = name.contains(".") ? name.substring(0, name.lastIndexOf('.')) : name;
        if (!stem.matches("[A-Za-z0-9._-]+")) {
            throw Refusal.of(Category.TASK_INVALID, out, "the script's name goes into a shell script: letters, digits, dots and lines only");
        }
        Path folder = Files.createDirectories(out.toAbsolutePath().normalize().getParent());
        Path taskFile = folder.resolve(stem + ".task.json");
        Whole.write(taskFile, Json.pretty(task.toJson()).getBytes(StandardCharsets.UTF_8));
        Path library = PythonPackage.copyInto(folder);
        String text = String.format(Locale.ROOT, SCRIPT, name, stem, taskFile.getFileName(), task.method(), nodes, gpus, choice.setting().precision());
        Whole.write(out, text.getBytes(StandardCharsets.UTF_8));
        output.text("Wrote " + Visible.name(out.toString()) + ", " + Visible.name(taskFile.getFileName().toString()) + " and " + library.getFileName() + ".");
        output.text("Copy the folder to the cluster, with the model and the data where the task says they are, and submit it: sbatch " + name);
        ObjectNode result = Json.object().put("kind", "slurm").put("out", out.toString()).put("task", taskFile.toString()).put("package", library.toString());
        output.result(result);
        return 0;
    }
}
