package vitrine.core.engine;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Workers of engines that were closed, kept for engines that are opened after them by a program that runs many commands. The command line runs one and ends:
/// nothing is kept unless [#keep] was called.
public final class IdleWorkers {

    private static final int KEPT = 2;
    /// Where results lie is said with each task, so that a worker serves any home.
    private static final String HOME = "-Dvitrine.home=";

    private static final Map<List<String>, Deque<WorkerProcess>> IDLE = new HashMap<>();
    private static boolean keeping;

    private IdleWorkers() {}

    /// From now on idle workers are kept, until this process ends.
    public static synchronized void keep() {
        keeping = true;
    }

    private static List<String> key(WorkerCommand command) {
        return command.command().stream().filter(c -> !c.startsWith(HOME)).toList();
    }

    /// An idle worker of such a command, or a new one.
    static WorkerProcess take(WorkerCommand command, WorkerProcess.Patience patience) throws IOException {
        synchronized (IdleWorkers.class) {
            Deque<WorkerProcess> idle = IDLE.getOrDefault(key(command), new ArrayDeque<>());
            while (!idle.isEmpty()) {
                WorkerProcess w = idle.pop();
                if (w.alive() && w.patience().equals(patience)) {
                    return w;
                }
                w.stop();
            }
        }
        return WorkerProcess.start(command, patience);
    }

    /// Takes a worker that its engine needs no longer; one that is not kept is stopped.
    ///
    /// @param idle whether its last task has come to an end
    static void leave(WorkerCommand command, WorkerProcess worker, boolean idle) {
        synchronized (IdleWorkers.class) {
            Deque<WorkerProcess> others = keeping ? IDLE.computeIfAbsent(key(command), k -> new ArrayDeque<>()) : null;
            if (others != null && idle && worker.alive() && others.size() < KEPT) {
                others.push(worker);
                return;
            }
        }
        worker.stop();
    }
}
