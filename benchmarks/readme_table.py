"""The results table of the README, written from `benchmarks/results/*.json` between its markers.

python benchmarks/readme_table.py          # write it
python benchmarks/readme_table.py --check  # fail when the README says anything else
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean
from typing import Any

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
BEGIN, END = "<!-- results: benchmarks/readme_table.py -->", "<!-- end of results -->"
HEAD = ("what", "measured", "beside it", "script")
Row = tuple[str, str, str]
ALIGNED = {"R": "R@1 at IoU ≥ 0.5", "F12": "macro-F1 of 12 activities by unseen wordings"}
ALIGNED |= {"accuracy": "unseen wordings to their activity"}
ALIGNED |= {"unseen accuracy": "windows of these two, among all twelve activities"}
ALIGNED |= {"seen accuracy": "windows of the ten others, among all twelve"}


def hapt_alignment(result: dict[str, Any]) -> Iterator[Row]:
    """Yield placement of sentences without times, by regime, and the cost of the run."""
    for regime in dict.fromkeys(row["regime"] for row in result["means"]):
        shipped, *others = [row for row in result["means"] if row["regime"] == regime]
        where = f"HAPT, ten unseen people, notes {regime}, mean of {shipped['seeds']} seeds"
        for key, what in (
            ("recall_at_1_iou_0.5", "R@1 at IoU ≥ 0.5"),
            ("mean_iou", "mean IoU"),
            ("distractors_placed", "off-topic sentences wrongly placed"),
            ("ece_equal_mass", "calibration error (ECE)"),
        ):
            beside = [f"{row['what']} {row[key]:.2f}" for row in others]
            if key == "recall_at_1_iou_0.5":
                beside.append(f"evenly spread {shipped['evenly spread']:.2f}")
            yield f"{where}: {what}", f"{shipped[key]:.2f}", "; ".join(beside)
    seconds, peak = result["cost"]["seconds"], result["cost"]["peak MiB"]
    cpus = result["versions"]["cpus"]
    yield f"`pipelines/hapt.yaml` from nothing, {cpus} CPUs", f"{seconds:.0f} s, {peak:.0f} MiB", ""


def align(result: dict[str, Any]) -> Iterator[Row]:
    """Yield placement and naming by what was learnt from, and the same by other ways."""
    others = {name: row for name, row in result["rows"].items() if "goals" not in row}
    where = "HAPT, ten unseen people"
    for name, row in result["rows"].items():
        if name not in others:
            seeds = [len(f["seeds"]) for f in row.values() if isinstance(f, dict) and "seeds" in f]
            for key, what in ALIGNED.items():
                if key in row:
                    beside = "; ".join(
                        f"{peer} {told[key]['value']:.2f}"
                        for peer, told in others.items()
                        if key in told and name == "stamped"
                    )
                    measured = "{value:.2f} [{low:.2f}, {high:.2f}]".format(**row[key])
                    drawn = f", mean of {max(seeds)} seeds" if max(seeds) > 1 else ""
                    yield f"{where}, {name}: {what}{drawn}", measured, beside


def decoders(result: dict[str, Any]) -> Iterator[Row]:
    """Yield decoders on the same scores, in order and in none."""
    key = "R@1 IoU 0.5"
    for name, said in (("E", "in the order of events"), ("D", "in any order")):
        best, *others = sorted(result["sets"][name], key=lambda row: -row[key])
        what = f"decoders on the same scores, HAPT, ten unseen people, notes {said}: R@1"
        low, high = best["interval"]
        measured = f"`{best['decoder']}` {best[key]:.2f} [{low:.2f}, {high:.2f}]"
        yield what, measured, "; ".join(f"{row['decoder']} {row[key]:.2f}" for row in others)
    for name, said in (("E", "off-topic sentences"), ("E, letters", "those of letters")):
        rows = {row["decoder"]: row for row in result["sets"][name]}
        ours, warped = (rows[n]["off-topic placed"] for n in ("Ordered", "DTW (tslearn)"))
        yield f"`Ordered` there: {said} wrongly placed", f"{ours:.2f}", f"DTW {warped:.2f}"
    ours = next(row for row in result["sets"]["E"] if row["decoder"] == "Ordered")
    what = "`Ordered` there: ECE of confidence / AUROC of a sentence being in the recording"
    perfect = f"ECE of true chances {ours['ECE if perfect']:.2f}"
    yield what, f"{ours['ECE']:.3f} / {ours['AUROC of matches']:.3f}", perfect


def encoding(result: dict[str, Any]) -> Iterator[Row]:
    """Yield how much faster than real time segments get their places."""
    rows = {row["way"]: f"{row['all']:,.0f} times real time" for row in result["times real time"]}
    what = "50 Hz, six channels, cut, described and encoded as in `pipelines/hapt.yaml`, one CPU"
    ours = rows.pop("features, mlp")
    yield what, ours, "; ".join(f"{name} {told}" for name, told in rows.items())


def text(result: dict[str, Any]) -> Iterator[Row]:
    """Yield how text encoders tell unseen wordings apart."""
    told = {
        row["encoder"]: f"{row['accuracy']:.2f} / {row['ECE']:.2f}"
        for row in result["rows"]
        if row["set"] == "activities" and row["head"] == "ConceptText"
    }
    what = "unseen wordings to their activity among 12, text alone, accuracy / ECE"
    beside = f"all-mpnet-base-v2 {told['mpnet']}; both side by side {told['both']}"
    yield what, f"{told['MiniLM']} (all-MiniLM-L6-v2)", beside


def samples(result: dict[str, Any]) -> Iterator[Row]:
    """Yield what networks over samples tell of activities beside features."""
    told = {name: f"{arm['accuracy']:.3f}" for name, arm in result["arms"].items()}
    what = "`signal: conv` on samples, HAPT, three validation people: segments of 0.64 s named"
    names = ("features, mlp", "samples, mlp", "samples, patch")
    yield what, told["samples, conv"], "; ".join(f"{name} {told[name]}" for name in names)


def pooling(result: dict[str, Any]) -> Iterator[Row]:
    """Yield how often a note finds its stretch."""
    key = "note_to_{}s_recall_at_1"
    for seconds in (60, 120):
        rates = {name: f"{row[key.format(seconds)]:.2f}" for name, row in result["mean"].items()}
        chance = result["mean"]["attention"][f"note_to_{seconds}s_chance_at_1"]
        what = f"`pooling: attention`, HAPT, three validation people: a note finds its {seconds} s"
        beside = f"means of segments and sentences {rates['mean']}; chance {chance:.2f}"
        yield what, rates["attention"], beside


def notes(result: dict[str, Any]) -> Iterator[Row]:
    """Yield how notes are read."""
    f1 = {
        row["splitter"]: f"{row['f1']:.2f}"
        for row in result["boundaries"]
        if row["texts"] == "traps"
    }
    others = "; ".join(f"{name} {value}" for name, value in f1.items() if name != "tsalign")
    yield "sentences of a note full of traps, F1 of boundaries", f1["tsalign"], others
    right = {
        row["task"]: f"{row['right']} of {row['of']}"
        for row in result["probes"]
        if row["kind"] == "all"
    }
    what = "times in words / assertions, probes written with the rules"
    aside = " / ".join(right[f"{task}, probes_unseen"] for task in ("time", "assertion"))
    # The first reading is history: `notes.py` tells it, and no run can measure it again.
    beside = f"probes put aside, after mending {aside}; at first reading 184 of 195 / 115 of 125"
    yield what, f"{right['times']} / {right['assertion']}", beside


def notes_times(result: dict[str, Any]) -> Iterator[Row]:
    """Yield what times in words are worth where the order says nothing."""
    for name, said in (("hapt", "HAPT"), ("uci", "UCI batteryless")):
        shares: dict[str, list[float]] = {}
        for run in result["runs"]:
            if run["set"] == name:
                shares.setdefault(run["times"], []).append(run["R@1"])
        told = {times: f"{mean(values):.2f}" for times, values in shares.items()}
        what = f"times in the words of notes in any order, {said}, mean of 3 seeds: R@1"
        beside = f"times not read {told['not read']}; read, with a laboratory's own table"
        yield what, told["read, shipped table"], f"{beside} {told['read, lab table']}"


def search(result: dict[str, Any]) -> Iterator[Row]:
    """Yield how often the first stretch that search finds is right."""
    rows = {row["answer"]: f"{row['precision at 1']:.2f}" for row in result["rows"]}
    what = (
        f"`tsalign.search`, {result['sentences']} unseen wordings, test people: first answer right"
    )
    size = f"{result['segments']:,} segments, {result['index_mib']:.0f} MiB"
    speed = f"{size}, {result['query_milliseconds']:.0f} ms a query"
    chance = f"a labelled stretch at random {rows['labelled ones at random']}"
    yield what, rows["stretches"], f"{chance}; {speed}"


def pelt(result: dict[str, Any]) -> Iterator[Row]:
    """Yield the time of exact change points."""
    same = "the same change points" if result["same_change_points"] else "OTHER change points"
    peers = f"`ruptures.Pelt` {result['ruptures_pelt_seconds']:.0f} s"
    peers += f" ({result['ratio_to_ruptures_pelt']:,.0f} times as long)"
    peers += f"; its C code {1e3 * result['ruptures_kernelcpd_seconds']:.0f} ms; {same}"
    what = f"`Pelt`, {result['n']:,} samples, {result['channels']} channels"
    yield what, f"{1e3 * result['tsalign_seconds']:.0f} ms", peers


def segmentation_speed(result: dict[str, Any]) -> Iterator[Row]:
    """Yield the time of exact change points against the fastest exact peers."""
    for name, what in (
        ("d1-1e6-dense", "1,000,000 samples, 1 channel"),
        ("d3-1e5-dense", "100,000 samples, 3 channels"),
    ):
        row = result[name]
        peers = [f"{peer} {row[f'{peer}_ms']:.0f} ms" for peer in ("fpop", "fastcpd", "kernelcpd")
                 if f"{peer}_ms" in row]  # fmt: skip
        beside = (
            f"{'; '.join(peers)} of CPU; {'the same' if row['same'] else 'OTHER'} change points"
        )
        yield f"`Pelt`, {what}, dense changes", f"{row['pelt_ms']:.0f} ms of CPU", beside


def segmentation_automatic(result: dict[str, Any]) -> Iterator[Row]:
    """Yield how well the number of changes is found without being told."""
    for name in ("tssb", "utsa"):
        row = result[name]["all"]
        what = f"`Classification`, {name.upper()}, {row['series']} series, covering / F1"
        ours, peer = row["tsalign"], row["claspy"]
        beside = (
            f"ClaSP {peer[0]:.3f} / {peer[1]:.3f} in {row['times_less_cpu']:.0f} times the CPU time"
        )
        yield what, f"{ours[0]:.3f} / {ours[1]:.3f}", beside


def streaming(result: dict[str, Any]) -> Iterator[Row]:
    """Yield the replay of recordings in chunks."""
    rows = {row["segmenter"]: row for row in result["rows"]}
    for name, offline, peer in (("Online", "Pelt", "`Pelt`"), ("Features", "Features", "the same")):
        ours, whole = rows[f"{name}, chunks of 50"], rows[f"{offline}, offline"]
        measured = f"{ours['samples_per_cpu_second']:,.0f} samples a second of CPU"
        measured += f"; covering {ours['covering_of_labels']:.2f}"
        beside = f"{peer} offline, covering {whole['covering_of_labels']:.2f}"
        yield f"`{name}`, HAPT replayed in chunks of 50 samples, 6 channels", measured, beside


def segmentation_hapt(result: dict[str, Any]) -> Iterator[Row]:
    """Yield boundaries of activities, found in people whose labels nothing has seen."""
    figures = {row["method"]: f"{row['covering']:.2f} / {row['f1']:.2f}" for row in result["rows"]}
    chosen = next(name for name in figures if name.startswith("Features(window"))
    peers = ("Features()", "Pelt(penalty", "ruptures", "ClaSP", "windows", "nothing")
    beside = [
        f"{name.split(', of')[0]} {told}"
        for peer in peers
        for name, told in figures.items()
        if name.startswith(peer)
    ]
    what = "set on twenty others; boundaries of activities, HAPT, ten people, covering / F1 in 1 s"
    yield f"`{chosen.split(', of')[0]}`, {what}", figures[chosen], "; ".join(beside)


def kmeans(result: dict[str, Any]) -> Iterator[Row]:
    """Yield the time of k-means."""
    seconds = result["seconds"]
    what = f"`KMeans`, {result['n']:,} x {result['d']}, k = {result['k']}, ten iterations"
    peers = ", ".join(f"{name} {s:.1f} s" for name, s in seconds.items() if name != "tsalign")
    peers += f"; inertia off by {result['inertia_difference']:.0e}"
    yield what, f"{seconds['tsalign']:.1f} s", peers
    others = {"start": "greedy k-means++", "out_of_core": "one pass over four files"}
    for name, said in others.items():
        if row := result.get(name):
            what = f"`KMeans`, {said}, {row['n']:,} x {row['d']}, k = {row['k']}"
            peer = f"scikit-learn {row['seconds']['scikit-learn']:.1f} s"
            yield what, f"{row['seconds']['tsalign']:.1f} s", peer


def units(result: dict[str, Any]) -> Iterator[Row]:
    """Yield what tokens tell of activities, before and after masked prediction."""
    rows = {row["what"]: row["pnmi"] for row in result["hapt"]["means"]}
    what = "100 tokens of 0.32 s, HAPT, ten unseen people, no labels learnt: PNMI with the activity"
    beside = [f"{name} {rows[name]:.2f}" for name in rows if name != "iteration 2"]
    yield f"`predict: masked`, {what}", f"{rows['iteration 2']:.2f}", "; ".join(beside)


def segmentation_exact(result: dict[str, Any]) -> Iterator[Row]:
    """Yield how often the exact search is exact."""
    right, series = result["optimal"], result["series"]
    what = "`Pelt` equals brute force on random series, eight costs and a mixture"
    yield what, f"{right:,} of {series:,}", ""


def match(result: dict[str, Any]) -> Iterator[Row]:
    """Yield the time of ordered matching, and how many cases equal enumeration."""
    spent = {row["run"]: row["cpu ms"] for row in result["rows"]}
    what = f"`Ordered`, {result['segments']:,} segments x {result['sentences']} sentences"
    scipy = "scipy linear_sum_assignment"
    peer = f"`scipy.optimize.linear_sum_assignment` {spent[scipy]:.0f} ms"
    peer += f" (of float64 {spent[f'{scipy}, float64']:.0f} ms)"
    warped = "".join(
        f"; {name} {spent[name]:.0f} ms" for name in ("tslearn dtw", "librosa dtw") if name in spent
    )
    yield f"{what}, spans alone", f"{spent['Ordered, spans']:.0f} ms of CPU", peer + warped
    yield f"{what}, with posteriors", f"{spent['Ordered']:.0f} ms of CPU", peer
    cases = result["cases equal to enumeration"]
    kinds = dict.fromkeys(name.partition(",")[0] for name in cases)
    what = f"decoders equal to enumeration, posteriors too: {', '.join(kinds)}"
    yield what, f"all of {min(cases.values()):,} random cases each", ""


TABLES: dict[str, Callable[[dict[str, Any]], Iterator[Row]]] = {
    "hapt_alignment": hapt_alignment,
    "align": align,
    "decoders": decoders,
    "encoding": encoding,
    "text": text,
    "samples": samples,
    "pooling": pooling,
    "search": search,
    "notes": notes,
    "notes_times": notes_times,
    "pelt": pelt,
    "segmentation_exact": segmentation_exact,
    "segmentation_speed": segmentation_speed,
    "segmentation_automatic": segmentation_automatic,
    "segmentation_hapt": segmentation_hapt,
    "streaming": streaming,
    "kmeans": kmeans,
    "units": units,
    "match": match,
}


def table(results: Path) -> str:
    """Return the table as Markdown; what was not measured yet is left out."""
    lines = [f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]
    for name, rows in TABLES.items():
        file = results / f"{name}.json"
        if file.exists():
            script = f"`{name}.py`"
            told = rows(json.loads(file.read_text(encoding="utf-8")))
            lines += [f"| {' | '.join((*row, script))} |" for row in told]
    return "\n".join(lines)


def renewed(readme: str, results: Path) -> str:
    """Return the README with the table that the results give."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"the README lacks {BEGIN!r} or {END!r}")
    return f"{before}{BEGIN}\n{table(results)}\n{END}{after}"


def main(argv: list[str] | None = None) -> int:
    """Write or check; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(argv)
    old = README.read_text(encoding="utf-8")
    new = renewed(old, HERE / "results")
    if options.check and new != old:
        print("README.md differs from benchmarks/results: run benchmarks/readme_table.py")
        return 1
    if new != old:
        README.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
