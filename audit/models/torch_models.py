"""Networks made with PyTorch: exported programs, TorchScript, and weights with their factory."""

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.models.batched import BatchedModel
from audit.models.callables import import_callable
from audit.models.extras import library, required_module
from audit.models.files import damaged, file_bytes, first_line, model_file
from audit.models.protocol import Batch, ModelDescription, ModelFile
from audit.models.spec import ModelSpec, declared_output, described_inputs, table_columns
from audit.models.tensors import Port, array_runner, fixed_units, in_file_order
from audit.models.torch_files import (
    load_export,
    load_script,
    load_weights,
    state_dict_of,
    torch_kind,
)
from audit.problems import InputError, Problem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Before 2.6 loading weights could be made to run code: CVE-2025-32434.
_OLDEST = (2, 6)


@dataclasses.dataclass(frozen=True, eq=False)
class _Network:
    """A loaded network on its device, and what its file says of its inputs."""

    module: Any
    kind: str
    parameters: int
    ports: Mapping[str, Port]
    parts: tuple[ModelFile, ...] = ()


def load_torch(path: Path, spec: ModelSpec, folder: Path, trust: bool) -> BatchedModel:
    """Load a network from a file of any of torch's kinds; see `ModelSpec` for what is declared.

    `folder` is where a factory is looked for. The network is in evaluation mode and computes no
    gradients. Several inputs are passed by the names of an exported program, else in the order in
    which they are declared.

    Raises
    ------
    InputError
        Without torch; for a file that is missing, damaged or, without `trust`, holds code; for a
        declaration that does not go with the file.
    """
    torch = required_module("torch", "torch", str(path))
    if tuple(int(n) for n in torch.__version__.split(".")[:2]) < _OLDEST:
        reason = f"torch {torch.__version__} can be made to run code by a file of weights"
        remedy = 'pip install --upgrade "torch>=2.6"'
        raise InputError(Problem("old_torch", str(path), reason, remedy))
    data = file_bytes(path)
    output = declared_output(spec, path)
    device = _device(spec.device, path)
    network = _network(data, path, spec, folder, trust, device)
    where = path.name
    order = tuple(item.name for item in spec.inputs)
    ports = network.ports
    if ports:
        order = in_file_order(spec, ports, where)
    call = _caller(network.module, device, spec.deterministic, where)
    run = array_runner(spec, order, ports, call, where)
    file = model_file(path.name, data)
    description = ModelDescription(
        format=network.kind,
        name=path.name,
        sha256=file.sha256,
        bytes=file.bytes,
        inputs=table_columns(spec),
        classes=output.classes or (),
        positive=output.positive_name,
        parameters=network.parameters,
        takes=described_inputs(spec),
        gives=output.kind,
        activation=output.activation,
        parts=network.parts,
        library=f"torch {torch.__version__}",
        device=device,
        batch_size=fixed_units(ports) or spec.batch_size,
    )
    return BatchedModel(description, spec, output, run, _flop_counter(run, fixed_units(ports)))


def _device(wanted: str, path: Path) -> str:
    torch = library("torch")
    if wanted == "cpu" or (wanted == "auto" and not torch.cuda.is_available()):
        return "cpu"
    if not torch.cuda.is_available():
        reason = "the model is to run on cuda, and torch finds no such device here"
        raise InputError(Problem("no_device", str(path), reason, "declare device: cpu or auto"))
    # Read when CUDA starts; without it matrix products have no deterministic algorithm there.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    return "cuda"


def _network(
    data: bytes, path: Path, spec: ModelSpec, folder: Path, trust: bool, device: str
) -> _Network:
    known = ("torch_export", "torchscript", "state_dict")
    kind = spec.format if spec.format in known else torch_kind(data)
    if kind == "torch_export":
        return _exported(load_export(data, path, trust), path, device)
    if kind == "torchscript":
        module = load_script(data, path, trust).to(device).eval()
        return _Network(module, "TorchScript", _count(module), {})
    loaded = load_weights(data, path, trust)
    if isinstance(loaded, library("torch").nn.Module):
        module = loaded.to(device).eval()
        return _Network(module, f"torch pickle ({type(module).__name__})", _count(module), {})
    return _built(loaded, path, spec, folder, trust, device)


def _exported(program: Any, path: Path, device: str) -> _Network:
    ports = _ports(program)
    if device != "cpu":
        program = library("torch.export.passes").move_to_device_pass(program, device)
    # Guards are text that torch compiles; the shapes are checked here instead.
    program._guards_code = []
    parameters = sum(int(p.numel()) for p in program.parameters())
    try:
        module = program.module(check_guards=False)
    except TypeError:  # torch before 2.9 has no guards
        module = program.module()
    except Exception as error:
        raise damaged(path, "torch.export", error) from None
    return _Network(module, "torch.export", parameters, ports)


def _ports(program: Any) -> dict[str, Port]:
    """Names, types and shapes of the inputs, from the program itself."""
    wanted = set(program.graph_signature.user_inputs)
    ports = {}
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name in wanted:
            value = node.meta["val"]
            shape = tuple(size if isinstance(size, int) else None for size in value.shape)
            ports[str(node.name)] = Port(shape, str(value.dtype).removeprefix("torch."))
    return ports


def _built(
    loaded: Any, path: Path, spec: ModelSpec, folder: Path, trust: bool, device: str
) -> _Network:
    """Build the network with its factory and give it the weights, every one of them."""
    torch = library("torch")
    weights = state_dict_of(loaded, path, spec.state_key, spec.state_prefix)
    if spec.factory is None:
        reason = "the file holds weights, and not the network that they belong to"
        remedy = "declare 'factory: module:function', which builds it"
        raise InputError(Problem("no_factory", str(path), reason, remedy))
    factory, source = import_callable(spec.factory, folder, trust)
    try:
        module = factory(**spec.arguments)
    # A factory of the user's may fail in any way.
    except Exception as error:
        reason = f"the factory failed ({first_line(error)})"
        remedy = "correct it, or its 'arguments'"
        raise InputError(Problem("factory_failed", spec.factory, reason, remedy)) from None
    if not isinstance(module, torch.nn.Module):
        reason = f"the factory returned a {type(module).__name__}, which is no torch.nn.Module"
        raise InputError(Problem("factory_failed", spec.factory, reason, "return the network"))
    try:
        module.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        detail = " ".join(str(error).split())[:300]
        reason = f"the weights do not fit the network ({detail})"
        remedy = "name the right factory, 'arguments' or 'state_prefix'"
        raise InputError(Problem("weights_mismatch", str(path), reason, remedy)) from None
    module = module.to(device).eval()
    kind = f"torch state dict ({type(module).__name__})"
    return _Network(module, kind, _count(module), {}, (source,))


def _count(module: Any) -> int:
    return sum(int(parameter.numel()) for parameter in module.parameters())


def _caller(
    module: Any, device: str, deterministic: bool, where: str
) -> "Callable[[list[NDArray[Any]]], Any]":
    torch = library("torch")

    def call(arrays: "list[NDArray[Any]]") -> Any:
        tensors = [torch.from_numpy(array).to(device) for array in arrays]
        try:
            with torch.no_grad(), _repeating(deterministic):
                return _plain(module(*tensors))
        except (RuntimeError, AssertionError, TypeError) as error:
            raise _refused(arrays, error, where) from None

    return call


def _refused(arrays: "list[NDArray[Any]]", error: Exception, where: str) -> InputError:
    torch = library("torch")
    if isinstance(error, torch.OutOfMemoryError):
        reason = "there is not enough memory on the device for one batch"
        return InputError(Problem("out_of_memory", where, reason, "declare a smaller batch_size"))
    if "deterministic" in str(error):
        reason = f"an operation of the model cannot repeat bit by bit ({first_line(error)})"
        return InputError(
            Problem("not_deterministic", where, reason, "declare deterministic: false")
        )
    given = ", ".join(f"{array.shape} {array.dtype}" for array in arrays)
    # TorchScript puts the place first and the reason last.
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    told = lines[-1] if "TorchScript interpreter" in lines[0] else lines[0]
    reason = f"the model cannot take {given} ({told.removeprefix('RuntimeError: ')[:200]})"
    remedy = "declare the inputs with the shapes and types that it was trained on"
    return InputError(Problem("wrong_shape", where, reason, remedy))


@contextmanager
def _repeating(wanted: bool) -> Iterator[None]:
    """Ask torch for deterministic algorithms for a while; the setting is the whole process's."""
    torch = library("torch")
    if not wanted:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled()
    only_warn = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=only_warn)
        torch.backends.cudnn.benchmark = benchmark


def _plain(value: Any) -> Any:
    """Turn tensors, in whatever they lie, into arrays."""
    torch = library("torch")
    if isinstance(value, torch.Tensor):
        value = value.detach()
        return (value.float() if value.dtype == torch.bfloat16 else value).cpu().numpy()
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_plain(inner) for inner in value)
    return value


def _flop_counter(
    run: "Callable[[Batch], NDArray[np.float64]]", fixed: int | None
) -> Callable[[Batch], int | None]:
    """Count the operations of matrix products, convolutions and attention; others are few."""

    def count(batch: Batch) -> int | None:
        counters = library("torch.utils.flop_counter")
        with counters.FlopCounterMode(display=False) as counter:
            run(batch)
        total = int(counter.get_total_flops())
        # A file made for a fixed number of units computes that many, whatever it is given.
        units = fixed or len(batch)
        return total // units if total > 0 and units else None

    return count
