"""Tasks as they may be asked for: what Vitrine's schema (task.schema.json) takes and nothing else, so that no misspelt key is left out silently."""

from .refusals import Refusal, visible

# kind -> key -> (type, required); the settings of a training run are checked beside them
KINDS = {
    "capture": {"model": (str, True), "prompt": (dict, True), "what": (list, True), "layers": (dict, False), "adapters": (list, False)},
    "heads": {"model": (str, True), "data": (str, True), "maxLength": (int, False), "adapters": (list, False)},
    "eval": {"model": (str, True), "data": (str, True), "maxLength": (int, False), "adapters": (list, False)},
    "rank": {"model": (str, True), "data": (str, True), "of": (str, True), "maxLength": (int, False), "maxTokens": (int, False), "centred": (bool, False),
             "excludeMassive": (bool, False), "growth": (bool, False), "ratio": (float, False), "alpha": (float, False), "tailError": (float, False),
             "perplexityRise": (float, False), "rankAwareSparsity": (float, False), "adapters": (list, False)},
    "routing": {"model": (str, True), "data": (list, True), "maxLength": (int, False), "maxTokens": (int, False), "expertsPerToken": (list, False),
                "adapters": (list, False)},
    "finetune": {"model": (str, True), "data": (str, True), "method": (str, True), "evalData": (str, False), "initAdapter": (str, False), "settings": (dict, False)},
    "prune": {"model": (str, True), "method": (str, True), "data": (str, False), "evalData": (list, False), "settings": (dict, False), "recovery": (dict, False)},
}
ELSEWHERE = ("statistics", "spectrum", "adapter", "adapter-compare", "adapter-cut", "adapter-merge", "adapter-extract", "compare", "convert", "preview")

SETTINGS = {
    "steps": int, "epochs": int, "batchSize": int, "accumulate": int, "sequenceLength": int, "lr": float, "warmupSteps": int, "schedule": str, "decaySteps": int,
    "weightDecay": float, "beta1": float, "beta2": float, "eps": float, "maxGradNorm": float, "seed": int, "order": str, "pack": bool, "evalEvery": int,
    "saveEvery": int, "checkpointing": str, "balance": float, "optimiser": str, "cautious": bool, "gradientNoise": float, "r": int, "alpha": float,
    "dropout": float, "targetModules": list, "rslora": bool, "firstLayers": int, "lastLayers": int, "beamPeriod": int, "beamEnd": int, "beamTemperature": float,
    "rounds": int, "targetParameters": list, "init": str, "bases": int, "parallel": int,
    "growEvery": int, "growLayers": int, "growLoops": int, "growHeads": int, "stages": int, "assessed": int, "probes": int, "probeEps": float, "rho": float, "earlyStop": int,
}
# of a pruning run; settings of methods that the embedded engine alone has are known here, so that the method is what is refused
PRUNING = {
    "sparsity": float, "pattern": str, "rank": int, "group": str, "propagation": str, "blockSize": int, "damping": float, "targetModules": list,
    "calibrationSequences": int, "sequenceLength": int, "seed": int, "allocation": str, "allocationSpread": float, "outlierMultiple": float, "alpha": float,
    "factorised": bool, "layers": int, "even": bool, "parts": str, "secondOrder": bool, "experts": int, "criterion": str, "expertsPerToken": int, "drop": dict, "ranks": dict,
}
LEAST = {"steps": 1, "epochs": 1, "batchSize": 1, "accumulate": 1, "sequenceLength": 2, "warmupSteps": 0, "decaySteps": 0, "evalEvery": 1, "saveEvery": 1, "r": 1,
         "firstLayers": 0, "lastLayers": 0, "beamPeriod": 2, "beamEnd": 1, "rounds": 1, "stages": 1, "assessed": 1, "probes": 1, "bases": 1, "parallel": 1,
         "growEvery": 1, "growLayers": 1, "growLoops": 1, "growHeads": 1,
         "earlyStop": 1, "maxLength": 2, "maxTokens": 2}
# numbers of which a part only is any use: what belongs there in words, and whether a value does
FROM_ZERO = ("a number from 0", lambda v: 0 <= v < float("inf"))
ABOVE_ZERO = ("a number above 0", lambda v: 0 < v < float("inf"))
BELOW_ONE = ("a number from 0 to below 1", lambda v: 0 <= v < 1)
TO_ONE = ("a number from 0 to 1", lambda v: 0 <= v <= 1)
ONE_UP = ("a whole number from 1", lambda v: v >= 1)
RANGES = {
    "lr": FROM_ZERO, "weightDecay": FROM_ZERO, "beta1": BELOW_ONE, "beta2": BELOW_ONE, "eps": ABOVE_ZERO, "maxGradNorm": FROM_ZERO, "balance": FROM_ZERO, "gradientNoise": FROM_ZERO,
    "alpha": ABOVE_ZERO, "dropout": BELOW_ONE, "beamTemperature": ABOVE_ZERO, "probeEps": ABOVE_ZERO, "rho": FROM_ZERO,
}
PRUNING_RANGES = {
    "sparsity": BELOW_ONE, "rank": ONE_UP, "layers": ("a whole number from 0", lambda v: v >= 0), "experts": ONE_UP, "expertsPerToken": ONE_UP, "blockSize": ONE_UP,
    "calibrationSequences": ONE_UP, "damping": FROM_ZERO, "allocationSpread": TO_ONE, "alpha": TO_ONE, "outlierMultiple": ABOVE_ZERO,
}
NAMES = {"schedule": ("linear", "cosine", "constant", "wsd"), "order": ("shuffled", "sequential"), "optimiser": ("adamw", "spam", "mezo", "zosam"),
         "checkpointing": ("auto", "layer", "none")}


def invalid(problem, **more):
    return Refusal("task-invalid", None, problem, **more)


def checked(task):
    """The task, where it is one that this engine understands."""
    if not isinstance(task, dict):
        raise invalid("the task is no JSON object")
    kind = task.get("kind")
    if kind in ELSEWHERE:
        raise invalid("the pytorch engine does not run tasks of the kind %s" % kind, help="The embedded engine does.")
    if kind not in KINDS:
        raise invalid("the task has no kind" if kind is None else "the kind %s is unknown; known are %s" % (visible(kind), ", ".join(KINDS)))
    keys(task, {"kind": (str, True), **KINDS[kind]}, "a task of this kind")
    if kind == "finetune":
        keys(task.get("settings", {}), {name: (of, False) for name, of in SETTINGS.items()}, "settings", RANGES)
    if kind == "prune":
        keys(task.get("settings", {}), {name: (of, False) for name, of in PRUNING.items()}, "settings", PRUNING_RANGES)
    for use in task.get("adapters") or []:
        keys(use, {"path": (str, True), "weight": (float, False)}, "an adapter")
    return task


def keys(given, known, of, ranges={}):
    if not isinstance(given, dict):
        raise invalid("%s is no JSON object" % of)
    for key, value in given.items():
        if key not in known:
            raise invalid("%s is no key of %s; known are %s" % (visible(key), of, ", ".join(sorted(known))))
        if not fits(value, known[key][0]):
            raise invalid("%s has a value of another type than belongs there" % key)
        if key in LEAST and value < LEAST[key]:
            raise invalid("{} is {:,}; a whole number from {} belongs here".format(key, value, LEAST[key]))
        if key in ranges and not ranges[key][1](value):
            raise invalid("%s is %s; %s belongs here" % (key, value, ranges[key][0]))
        if key in NAMES and value not in NAMES[key]:
            raise invalid("%s is %s; known are %s" % (key, visible(value), ", ".join(NAMES[key])))
    for key, (_, required) in known.items():
        if required and key not in given:
            raise invalid("the task has no %s" % key)


def fits(value, kind):
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
