"""Networks and other models in ONNX files, run by onnxruntime."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.models.batched import BatchedModel
from audit.models.extras import required_module
from audit.models.files import damaged, file_bytes, first_line, inside, model_file
from audit.models.onnx_file import OnnxWeights, onnx_weights
from audit.models.protocol import ModelDescription
from audit.models.spec import ModelSpec, declared_output, described_inputs, table_columns
from audit.models.tensors import Port, array_runner, fixed_units, in_file_order
from audit.problems import InputError, Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16",
    "tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(int16)": "int16",
    "tensor(uint8)": "uint8",
}  # fmt: skip


def load_onnx(path: Path, spec: ModelSpec) -> BatchedModel:
    """Load an ONNX file; it holds no code, and operators of other libraries are not loaded.

    Several inputs must be declared with the names they have in the file. ``deterministic`` runs on
    one thread with onnxruntime's deterministic algorithms.

    Raises
    ------
    InputError
        Without onnxruntime; for a file that is missing, damaged or names weights outside of its
        folder; for a declaration that does not go with the file.
    """
    runtime = required_module("onnxruntime", "onnx", str(path))
    data = file_bytes(path)
    output = declared_output(spec, path)
    try:
        weights = onnx_weights(data)
    except (ValueError, UnicodeDecodeError) as error:
        raise damaged(path, "ONNX", error) from None
    device, providers = _device(runtime, spec.device, path)
    session = _session(runtime, path, data, weights, providers, spec.deterministic)
    where = path.name
    ports = _ports(session, path)
    order = in_file_order(spec, ports, where)
    run = array_runner(spec, order, ports, _caller(session, list(ports), where), where)
    file = model_file(path.name, data)
    description = ModelDescription(
        format="ONNX",
        name=path.name,
        sha256=file.sha256,
        bytes=file.bytes,
        inputs=table_columns(spec),
        classes=output.classes or (),
        positive=output.positive_name,
        parameters=weights.count,
        takes=described_inputs(spec),
        gives=output.kind,
        activation=output.activation,
        parts=tuple(
            model_file(name, file_bytes(inside(path.parent, name))) for name in weights.files
        ),
        library=f"onnxruntime {runtime.__version__}",
        device=device,
        batch_size=fixed_units(ports) or spec.batch_size,
    )
    return BatchedModel(description, spec, output, run)


def _device(runtime: Any, wanted: str, path: Path) -> tuple[str, list[str]]:
    there = "CUDAExecutionProvider" in runtime.get_available_providers()
    if wanted == "cuda" and not there:
        reason = "the model is to run on cuda, and onnxruntime finds no such device here"
        remedy = "declare device: cpu or auto, or install onnxruntime-gpu"
        raise InputError(Problem("no_device", str(path), reason, remedy))
    if wanted == "cpu" or not there:
        return "cpu", ["CPUExecutionProvider"]
    return "cuda", ["CUDAExecutionProvider", "CPUExecutionProvider"]


def _session(
    runtime: Any,
    path: Path,
    data: bytes,
    weights: OnnxWeights,
    providers: list[str],
    deterministic: bool,
) -> Any:
    for name in weights.files:
        if not inside(path.parent, name).is_file():
            reason = f"weights of the model lie in '{name}', which is not beside it"
            raise InputError(Problem("missing_file", str(path), reason, "copy both files together"))
    runtime.disable_telemetry_events()
    options = runtime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised
    if deterministic:
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
    # From bytes, so that the hash is that of what runs; weights beside it are found from the path.
    source = str(path) if weights.files else data
    try:
        return runtime.InferenceSession(source, options, providers=providers)
    except Exception as error:
        raise damaged(path, "ONNX", error) from None


def _ports(session: Any, path: Path) -> dict[str, Port]:
    ports = {}
    for item in session.get_inputs():
        if item.type not in _TYPES:
            reason = f"input '{item.name}' is of type {item.type}"
            remedy = "export the model with inputs that are arrays of numbers"
            raise InputError(Problem("unknown_input", str(path), reason, remedy))
        shape = tuple(size if isinstance(size, int) else None for size in item.shape)
        ports[str(item.name)] = Port(shape, _TYPES[item.type])
    return ports


def _caller(
    session: Any, names: list[str], where: str
) -> "Callable[[list[NDArray[Any]]], dict[str, Any]]":
    outputs = [item.name for item in session.get_outputs()]

    def call(arrays: "list[NDArray[Any]]") -> dict[str, Any]:
        try:
            results = session.run(outputs, dict(zip(names, arrays, strict=True)))
        # onnxruntime has a class of its own for each kind of failure, all directly Exceptions.
        except Exception as error:
            given = ", ".join(f"{array.shape} {array.dtype}" for array in arrays)
            reason = f"the model cannot take {given} ({first_line(error)})"
            remedy = "declare the inputs with the shapes and types that it was trained on"
            raise InputError(Problem("wrong_shape", where, reason, remedy)) from None
        return dict(zip(outputs, results, strict=True))

    return call
