"""The methods of fine-tuning that this engine has, and which settings go with which, as core.task has it."""

from .beams import Beam, Slow
from .composed import InnerLora, MultiLora, Nola, Svft
from .expansion import Apex
from .factors import INNER, LOOK_AT_GRADIENT
from .halves import Halves
from .methods import Bone, Full, Lora, transposed
from .tasks import invalid

METHODS = {"full": Full, "lora": Lora, "beamlora": Beam, "dora": Lora, "layra": Lora, "hft": Halves, "apex": Apex, "multilora": MultiLora, "nola": Nola, "svft": Svft, "ilora": Slow, "bone": Bone}
INITIALISATIONS = ("kaiming", "gaussian", "orthogonal", "pissa", "olora", "loraga", *INNER)
COMPOSED = ("multilora", "nola", "svft")
RANKED = ("lora", "beamlora", "dora", "layra", "multilora", "nola", "ilora")
# settings of some methods only
BELONGS = {"r": (*RANKED, "bone"), "alpha": RANKED, "dropout": RANKED, "rslora": RANKED, "targetModules": (*RANKED, "svft", "bone"), "targetParameters": ("lora", "layra", "ilora"),
           "init": ("lora", "layra"), "firstLayers": ("layra",), "lastLayers": ("layra",), "beamPeriod": ("beamlora",), "beamEnd": ("beamlora",), "beamTemperature": ("beamlora",),
           "rounds": ("hft",), "stages": ("apex",), "assessed": ("apex",), "bases": ("nola",), "parallel": ("multilora",),
           "growEvery": ("sgt",), "growLayers": ("sgt",), "growLoops": ("sgt",), "growHeads": ("sgt",)}
# methods of the embedded engine alone, with the reason
ELSEWHERE = {"sgt": "it runs models as transformers has them, whose attention does not loop"}
GRADIENTS = ("weightDecay", "maxGradNorm", "gradientNoise", "balance", "cautious", "dropout", "beta1", "beta2", "eps")

__all__ = ["LOOK_AT_GRADIENT", "of", "transposed"]


def of(task, settings):
    """The method of a task, whose settings go with it and with each other."""
    name, optimiser, init = task["method"], settings.get("optimiser", "adamw"), settings.get("init", "kaiming")
    if name in ELSEWHERE:
        raise invalid("the pytorch engine does not train by the method %s: %s" % (name, ELSEWHERE[name]), help="The embedded engine does.")
    if name not in METHODS:
        raise invalid("the method %s is unknown; known are %s" % (name, ", ".join(METHODS)))
    for key, methods in BELONGS.items():
        if key in settings and name not in methods:
            raise invalid("%s does not go with the method %s" % (key, name))
    if init not in INITIALISATIONS:
        raise invalid("init is %s; known are %s" % (init, ", ".join(INITIALISATIONS)))
    adapts = METHODS[name].adapts
    if task.get("initAdapter") is not None:
        if not adapts:
            raise invalid("initAdapter goes with methods that train an adapter only, not with %s" % name)
        if name in COMPOSED or name == "bone":
            raise invalid("the method %s does not go on from an adapter: its factors do not tell what they were made of" % name)
        if "init" in settings:
            raise invalid("init says what factors begin with, and so does initAdapter; one of them belongs here")
    probes = optimiser in ("mezo", "zosam")
    for key, applies in (("probes", probes), ("probeEps", probes), ("rho", optimiser == "zosam")):
        if key in settings and not applies:
            raise invalid("%s does not go with this optimiser" % key)
    if optimiser == "mezo":
        for key in GRADIENTS:
            if key in settings:
                raise invalid("%s does not go with the optimiser mezo, which has losses only" % key)
    if probes and (name == "apex" or name == "beamlora" and optimiser == "mezo"):
        raise invalid("the optimiser %s does not go with the method %s, which needs gradients and moments of its own" % (optimiser, name))
    if probes and init in INNER:
        raise invalid("the initialisation %s does not go with the optimiser %s" % (init, optimiser))
    if probes and name in (*COMPOSED, "bone"):
        raise invalid("the method %s does not go with the optimiser %s" % (name, optimiser))
    if "earlyStop" in settings and (task.get("evalData") is None or "evalEvery" not in settings):
        raise invalid("earlyStop watches losses over evalData: evalData and evalEvery must stand beside it")
    if settings.get("beamPeriod", 2) % 2:
        raise invalid("beamPeriod is %d; an even number belongs here" % settings["beamPeriod"])
    return (InnerLora if init in INNER else METHODS[name])(task, settings)
