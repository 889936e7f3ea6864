"""A lazy graph of stages: what is in the store is reused, the rest is computed, here or on Dask."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

from tsalign import codec
from tsalign.cache import Store, content_key
from tsalign.errors import TsalignError, TsalignWarning, located
from tsalign.params import hints
from tsalign.progress import Event, Listener


@dataclass(frozen=True)
class Source:
    """A file as an input: its bytes count, its path does not."""

    path: Path
    digest: str


@dataclass(frozen=True, eq=False)
class Node:
    """One value of one stage, known by its key before it is computed.

    Parameters
    ----------
    slot, name : str
        The stage, and the recording or what is fitted.
    function : callable
        `function(*settings, *inputs)`; each input is a call without arguments that loads the
        value, or a list of such calls. With `files`, a folder to write into comes first.
    settings : tuple
        Blocks and plain values; they are part of the key.
    inputs : tuple of Node or of tuples of Node
        What it is made from.
    files : bool
        The value is what the function wrote.
    resumes : bool
        A folder that outlives a killed run comes first, in which the function may leave what it
        can go on from, and then the listener, for news of how far it is.
    keep : bool
        Whether the store holds it; False for what is only put together from others.
    """

    slot: str
    name: str
    function: Callable[..., Any]
    settings: tuple[Any, ...] = ()
    inputs: tuple[Any, ...] = ()
    files: bool = False
    keep: bool = True
    resumes: bool = False
    key: str = field(default="", init=False)

    def __post_init__(self) -> None:
        """Derive the key from everything that the value depends on."""
        parts = {
            "function": _path(self.function),
            "version": getattr(self.function, "version", 1),
            "settings": [fingerprint(s) for s in self.settings],
            "inputs": [_keys(i) for i in self.inputs],
        }
        object.__setattr__(self, "key", content_key(parts))

    def parents(self) -> Iterator[Node]:
        """Yield the nodes that this one reads."""
        for given in self.inputs:
            yield from (given if isinstance(given, tuple) else (given,))


def _path(thing: Any) -> str:
    return f"{thing.__module__}:{thing.__qualname__}"


def _keys(given: Any) -> Any:
    return [n.key for n in given] if isinstance(given, tuple) else given.key


def fingerprint(value: Any) -> Any:
    """Return plain values that stand for a setting in a key.

    Parameters
    ----------
    value : object
        A block, a frozen dataclass, a container or a scalar.

    Examples
    --------
    >>> from tsalign.types import Span
    >>> fingerprint(Span(0.0, 1.5))
    {'class': 'tsalign.spans:Span', 'version': 1, 'start': 0.0, 'end': 1.5}
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Source):
        return value.digest
    if isinstance(value, (list, tuple)):
        return [fingerprint(part) for part in value]
    if isinstance(value, dict):
        return {str(key): fingerprint(part) for key, part in value.items()}
    kind = type(value)
    if dataclasses.is_dataclass(value):
        names = [f.name for f in dataclasses.fields(value)]
    else:
        names = list(hints(kind))
    head = {"class": _path(kind), "version": getattr(kind, "version", 1)}
    return head | {name: fingerprint(getattr(value, name)) for name in names}


@dataclass(eq=False)
class Engine:
    """Computes nodes, remembers seconds, memory and failures.

    Parameters
    ----------
    store : Store
        Where values lie.
    listener : callable
        Receives an `Event` for every node.
    jobs : int
        Processes; more than one runs on Dask's local workers.
    """

    store: Store
    listener: Listener
    jobs: int = 1
    failures: dict[str, str] = field(default_factory=dict, init=False)
    stages: dict[str, dict[str, float]] = field(default_factory=dict, init=False)
    _memo: dict[str, Any] = field(default_factory=dict, init=False)

    def value(self, node: Node) -> Any:
        """Return a node's value, computing it and what it needs where the store lacks it."""
        if node.key in self._memo:
            return self._memo[node.key]
        if not node.keep:
            return node.function(*self._arguments(node))
        folder = self.store.get(node.slot, node.key)
        if folder is None:
            folder = self.compute(node)
        value = folder if node.files else codec.read(folder)
        # Models are read by every recording, and are few; recordings are many, and read once.
        if node.name == "fit":
            self._memo[node.key] = value
        return value

    def compute(self, node: Node) -> Path:
        """Compute one node and store it, with the same bits for any number of threads."""
        from threadpoolctl import threadpool_limits

        arguments = self._arguments(node)

        if node.resumes:
            arguments = [self.store.work(node.slot, node.key), self.listener, *arguments]

        def write(folder: Path) -> None:
            if node.files:
                node.function(folder, *arguments)
            else:
                codec.write(node.function(*arguments), folder)

        # A matrix product on two threads adds in another order than on one.
        where = located(recording=None if node.name == "fit" else node.name)
        with where, threadpool_limits(1, "blas"):
            folder = self.store.put(node.slot, node.key, write)
        self.store.forget(node.slot, node.key)
        return folder

    def _arguments(self, node: Node) -> list[Any]:
        return [*node.settings, *(self._thunks(i) for i in node.inputs)]

    def _thunks(self, given: Any) -> Any:
        if isinstance(given, tuple):
            return [self._thunks(node) for node in given]
        return lambda: self.value(given)

    def missing(self, wanted: Iterable[Node]) -> list[Node]:
        """Return the nodes to compute for the wanted ones, inputs first."""
        seen: dict[str, Node] = {}
        missing: list[Node] = []

        def visit(node: Node) -> None:
            if node.key in seen:
                return
            seen[node.key] = node
            if not node.keep or self.store.get(node.slot, node.key) is None:
                for parent in node.parents():
                    visit(parent)
                missing.extend([node] if node.keep else [])

        for node in wanted:
            visit(node)
        return missing

    def run(self, wanted: Sequence[Node], order: Sequence[str], skip: bool) -> bool:
        """Compute what is missing, stage by stage.

        Parameters
        ----------
        wanted : sequence of Node
            The last nodes of the graph.
        order : sequence of str
            Slots, first to last.
        skip : bool
            Go on with the other recordings when one fails.

        Returns
        -------
        bool
            False when recordings failed: build the graph again without them.
        """
        missing = self.missing(wanted)
        with ExitStack() as open_while_running:
            # Workers are started by the first stage that has work for two, and kept for the rest.
            client = cache(lambda: open_while_running.enter_context(_cluster(self.jobs)))
            for slot in order:
                for group in _waves([node for node in missing if node.slot == slot]):
                    if not self._group(group, skip, client):
                        return False
        return True

    def _group(self, nodes: list[Node], skip: bool, client: Callable[[], Any]) -> bool:
        sound = True
        for done, (node, outcome) in enumerate(self._outcomes(nodes, client), 1):
            error, seconds, peak = outcome
            status = "failed" if error else "computed"
            message = str(error) if error else ""
            self.listener(Event(node.slot, node.name, status, seconds, done, len(nodes), message))
            if error is None:
                self._account(node.slot, seconds, peak)
            elif skip and node.name != "fit" and isinstance(error, Exception):
                self.failures[node.name] = message
                sound = False
            else:
                raise error
        return sound

    def _outcomes(
        self, nodes: list[Node], client: Callable[[], Any]
    ) -> Iterator[tuple[Node, Outcome]]:
        if self.jobs == 1 or len(nodes) < 2:
            for node in nodes:
                with _heard(partial(self._warn, node)):
                    outcome = measured(self, node)
                yield node, outcome
        else:
            yield from _on_dask(client(), self.store.root, nodes)

    def _warn(self, node: Node, message: str) -> None:
        self.listener(Event(node.slot, node.name, "warning", message=message))

    def _account(self, slot: str, seconds: float, peak: float) -> None:
        stage = self.stages.setdefault(slot, {"seconds": 0.0, "peak_mib": 0.0, "computed": 0})
        stage["seconds"] += seconds
        stage["peak_mib"] = max(stage["peak_mib"], peak)
        stage["computed"] += 1


Outcome = tuple[Exception | None, float, float]


def _waves(nodes: list[Node]) -> Iterator[list[Node]]:
    """Split nodes of one slot so that none needs another of its own group."""
    left = {node.key: node for node in nodes}
    while left:
        ready = [n for n in left.values() if not any(p.key in left for p in n.parents())]
        yield ready
        for node in ready:
            del left[node.key]


def measured(engine: Engine, node: Node) -> Outcome:
    """Compute a node; return its error or None, wall seconds and peak memory in MiB."""
    _reset_peak()
    start = time.perf_counter()
    error: Exception | None = None
    try:
        engine.compute(node)
    except Exception as caught:
        error = caught
    return error, time.perf_counter() - start, peak_mib()


@contextmanager
def _heard(tell: Callable[[str], None]) -> Generator[None]:
    """Tell our own warnings as events; show others as ever."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", TsalignWarning)
        show = warnings.showwarning

        def heard(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, TsalignWarning):
                tell(str(message))
            else:
                show(message, category, *where, **more)

        warnings.showwarning = cast("Any", heard)
        yield


def _reset_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_mib() -> float:
    """Return the peak resident memory of this process since the last node began, in MiB."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _remote(root: Path, node: Node) -> Outcome:
    """Compute a node on a worker: the value goes to disk, only a summary travels."""
    import numba

    numba.set_num_threads(1)
    return measured(Engine(Store(root), lambda event: None), node)


@contextmanager
def _cluster(jobs: int) -> Generator[Any]:
    import dask
    from dask.distributed import Client, LocalCluster

    options: dict[str, Any] = {"dashboard_address": None, "silence_logs": 40}
    # Any free port: with the usual one, a second run on the same machine warns.
    options["scheduler_kwargs"] = {"dashboard_address": "127.0.0.1:0", "allowed_failures": 1}
    # A worker that is just starting again is not lost: Dask would close its place for good, and
    # with the last place gone a run would wait for ever.
    patient = {"distributed.deploy.lost-worker-timeout": "1 day"}
    with (
        dask.config.set(patient),
        LocalCluster(n_workers=jobs, threads_per_worker=1, **options) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _on_dask(client: Any, root: Path, nodes: list[Node]) -> Iterator[tuple[Node, Outcome]]:
    suspects = []
    for node, outcome in _submitted(client, root, nodes):
        if outcome is None:
            suspects.append(node)
        else:
            yield node, outcome
    # Whoever waits on a worker that dies is suspected with the one that killed it: alone, each
    # shows what it is.
    for suspect in suspects:
        for node, outcome in _submitted(client, root, [suspect]):
            dead = TsalignError(f"{node.name} kills its worker", recording=node.name)
            yield node, outcome or (dead, 0.0, 0.0)


def _submitted(client: Any, root: Path, nodes: list[Node]) -> Iterator[tuple[Node, Outcome | None]]:
    """Yield nodes as they end, with None where the worker died."""
    from dask.distributed import as_completed
    from distributed.scheduler import KilledWorker

    futures = {client.submit(_remote, root, node, pure=False): node for node in nodes}
    for future in as_completed(futures):
        try:
            yield futures[future], future.result()
        except KilledWorker:
            yield futures[future], None
