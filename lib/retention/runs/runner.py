"""Runs a profile end to end: check, execute or reuse, report, publish; or leave nothing behind."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from retention.engine import own_folder
from retention.errors import RunError
from retention.reports.pages import failed_page
from retention.results import FAILED, Status
from retention.runs.adopt import take_over
from retention.runs.catalogue import write_catalogue
from retention.runs.course import Course, Options
from retention.runs.execute import Execution, Failure, run_notebook
from retention.runs.files import artifact_hashes, read_json, write_json
from retention.runs.fingerprint import digest, notebook_source
from retention.runs.index import write_index, write_signoff
from retention.runs.kernels import KernelPool
from retention.runs.lock import profile_lock
from retention.runs.manifest import (
    data_folder,
    describe_inputs,
    input_files,
    input_hashes,
)
from retention.runs.order import ready, sequence
from retention.runs.progress import RunProgress
from retention.runs.publish import (
    mark_resumable,
    new_name,
    open_staging,
    publish,
    unfinished,
)
from retention.runs.reporting import leave_nothing_of_failed, write_reports
from retention.runs.room import require_room
from retention.runs.run import Run, published
from retention.runs.settings import RUNNER_OWNED, Settings, load_settings
from retention.runs.signoff import SignOff
from retention.runs.stage import SHARED_VARIABLE, STAGING_VARIABLE
from retention.runs.stages import Record, record_of, reuse, stage_key
from retention.runs.summary import write_summary
from retention.runs.workspace import Workspace
from retention.sources.digests import KNOWN_VARIABLE, hand_on

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Sums over several threads depend on how many there are, so the same inputs would not give the
same bytes on another machine. Notebooks run side by side instead (``--parallel``), and the engine,
whose sums are exact, uses all cores."""


class PartialRunError(RunError):
    """A run was published without the notebooks that failed.

    Parameters
    ----------
    problem, mend
        As of every error.
    run
        The published run.
    """

    def __init__(self, problem: str, mend: str, run: Run) -> None:
        super().__init__(problem, mend)
        self.run = run


def run_profile(
    workspace: Workspace,
    profile: str,
    options: Options | None = None,
    today: date | None = None,
) -> Run:
    """Run every notebook of a profile and publish the run.

    Parameters
    ----------
    workspace
        Where project and data lie.
    profile
        Name of the profile.
    options
        How to run.
    today
        What relative dates in the parameters count from.

    Returns
    -------
    Run
        The published run.

    Raises
    ------
    ParameterError, InputError
        If a parameter or an export is at fault; then no kernel was started.
    RunError
        If the run would not fit into memory (then no kernel was started), another run is under
        way, or ingest failed; then nothing is published.
    PartialRunError
        If another notebook failed: what stands without it is published.
    """
    settings = load_settings(workspace, profile, today)
    inputs = input_hashes(sources_of(settings), workspace)
    require_room(workspace, profile, settings, (options or Options()).parallel)
    facts = describe_inputs(workspace, settings, inputs)
    facts["inputs_key"] = digest({k: v for k, v in facts.items() if k != "git"})
    with profile_lock(workspace.profile(profile)):
        try:
            name = new_name(workspace, profile, facts["inputs_key"])
            staging = open_staging(workspace, profile, name)
            day = (today or date.today()).isoformat()
            mark_resumable(staging, {"profile": profile, "today": day})
            course = Course(workspace, profile, settings, inputs, staging, options or Options())
            _execute_all(course)
            if not course.failures:
                return _publish(course, facts)
            if course.is_worth_publishing:
                stopped: RunError = _partly(course, _publish(course, facts))
            else:
                stopped = _leave_failed(course)
        except OSError as error:
            raise RunError(
                f"The outputs cannot be written ({error.strerror or error}).",
                f"Free space or mend the rights, then `retention resume {profile}`.",
            ) from error
        raise stopped


def resume_profile(workspace: Workspace, profile: str, options: Options | None = None) -> Run:
    """Run again what did not end or failed, with the dates it was asked for; the rest is kept.

    Raises
    ------
    RunError
        If there is nothing to resume.
    """
    left = [p for p in unfinished(workspace, profile) if (p / "request.json").is_file()]
    runs = published(profile, workspace)
    if left:
        asked = read_json(left[0] / "request.json")
    elif runs and runs[-1].failed():
        asked = runs[-1].manifest
    else:
        raise RunError(
            f"Profile {profile!r} has no unfinished run.", f"Start one: `retention run {profile}`."
        )
    return run_profile(workspace, profile, options, date.fromisoformat(asked["today"]))


def sources_of(settings: list[Settings]) -> list[str]:
    """Return the raw exports that the profile's ingest reads, those it only compares included."""
    found = [s.resolved for s in settings if s.notebook.name == "ingest"]
    if not found:
        return []
    compared = [found[0].get(f"migration_{side}_source", "") for side in ("legacy", "new")]
    both = compared if all(compared) else []
    parts = [part.strip() for text in both for part in text.split("|")]
    return list(dict.fromkeys([*found[0].get("sources", []), *filter(None, parts)]))


def _execute_all(course: Course) -> None:
    """Run or reuse every notebook, as soon as what it needs is there."""
    cells = {s.notebook.name: len(notebook_source(s.notebook.path(course.workspace)))
             for s in course.settings}  # fmt: skip
    shown = RunProgress(course.profile, cells, _expected(course))
    with own_folder(_temporary(course)) as shared:
        kernels = _kernels(course, shared)
        try:
            with shown as progress, ThreadPoolExecutor(course.options.parallel) as pool:
                _schedule(course, kernels, progress, pool)
        finally:
            kernels.close()


def _temporary(course: Course) -> str:
    """Return the folder for temporary files that the params name, empty for the system's."""
    return str(course.settings[0].resolved.get("temporary_directory", ""))


def _schedule(
    course: Course, kernels: KernelPool, progress: RunProgress, pool: ThreadPoolExecutor
) -> None:
    """Hand notebooks to the pool in dependency order until all are done or none can go on."""
    planned = [settings.notebook for settings in course.settings]
    order = sequence(planned, _expected(course), course.options.parallel)
    waiting = sorted(course.settings, key=lambda s: order.index(s.notebook.name))
    running: set[Future[Failure | None]] = set()
    while waiting or running:
        for settings in ready(waiting, order, course.handed_on)[: _room(course, running)]:
            waiting.remove(settings)
            # Keys are made here, in one thread: Python 3.11's parser is not safe in several.
            task = pool.submit(_one, course, settings, _key(course, settings), kernels, progress)
            running.add(task)
            task.add_done_callback(course.news.put)
        done = course.news.get()
        if done is None:
            continue
        running.remove(done)
        failure = done.result()
        if failure:
            course.fail(failure)
            waiting = [s for s in waiting if s.notebook.name not in course.failures]
        if not course.can_go_on and course.failures:
            wait(running)
            return


def _room(course: Course, running: Collection[object]) -> int:
    """Return how many more notebooks may start."""
    return max(course.options.parallel - len(running), 0)


def _key(course: Course, settings: Settings) -> str:
    """Return the key of a notebook for which all that it reads stands."""
    upstream = {n: course.handed_on[n] for n in settings.notebook.needs if n in course.handed_on}
    return stage_key(course.workspace, settings, upstream, course.inputs)


def _one(
    course: Course, settings: Settings, key: str, kernels: KernelPool, progress: RunProgress
) -> Failure | None:
    """Reuse or run one notebook; ingest's failed checks stop what would build on them."""
    name = settings.notebook.name
    store = course.workspace.store(course.profile)
    record = reuse(course.staging, course.earlier, store, name, key)
    if record is None:
        execution = _run(course, settings, kernels, progress)
        if execution.failure:
            return execution.failure
        record = record_of(course.staging, name, key, execution.seconds, execution.peak_memory_mb)
        record.write(course.staging)
    stopped = _stopped_by_checks(course, name) if name == "ingest" else None
    if stopped is None:
        course.finish(settings.notebook, record)
        progress.finished(name, record)
        course.journal.write(
            "done", notebook=name, seconds=record.seconds, reused_from=record.reused_from
        )
    return stopped


def _run(
    course: Course, settings: Settings, kernels: KernelPool, progress: RunProgress
) -> Execution:
    """Execute one notebook, again where its kernel died and retries are left."""
    name = settings.notebook.name
    params = {k: v for k, v in settings.resolved.items() if k not in RUNNER_OWNED}

    def on_cell(number: int, cells: int) -> None:
        progress.cell(name, number, cells)
        course.look_at(settings.notebook)

    if course.options.executed:
        return take_over(course.options.executed, course.staging, name, params)
    for attempt in range(course.options.retries + 1):
        course.journal.write("start", notebook=name, attempt=attempt)
        execution = run_notebook(
            settings.notebook.path(course.workspace),
            course.staging / "notebooks" / f"{name}.ipynb",
            course.staging / "results" / f"{name}.json",
            params,
            kernels.take(),
            course.options.timeout,
            on_cell,
        )
        if execution.failure is None or execution.failure.kind not in ("KernelDied", "NotRun"):
            break
    return execution


def _stopped_by_checks(course: Course, name: str) -> Failure | None:
    """Turn a failed check of ingest into a stop, unless the params let it pass by name."""
    result = read_json(course.staging / "results" / f"{name}.json")
    settings = next(s for s in course.settings if s.notebook.name == name)
    allowed = settings.resolved.get("allowed_failures", [])
    failed = [
        c for c in result["checks"] if c["status"] == Status.FAIL and c["code"] not in allowed
    ]
    if not failed:
        return None
    text = "; ".join(f"{c['code']}: {c['detail']} {c['action']}" for c in failed)
    return Failure(name, 1, 1, "Trust checks", "FailedCheck", text)


def _leave_failed(course: Course) -> RunError:
    """Write the failed-run page, keep what is finished for ``resume``, return the error."""
    failure = next(iter(course.failures.values()))
    facts = {
        "Notebook": failure.notebook,
        "Cell": f"{failure.cell} of {failure.cells}",
        "Section": failure.section,
        "Kind": failure.kind,
        "Finished before it": ", ".join(course.records) or "nothing",
    }
    _note_failed(course)
    page = failed_page(course.profile, failure.summary(), facts)
    target = course.workspace.profile(course.profile) / "failed.html"
    target.write_text(page, encoding="utf-8")
    write_index(course.workspace)
    return RunError(
        failure.summary(),
        f"Nothing was published. Mend it, then `retention resume {course.profile}`.",
    )


def _partly(course: Course, run: Run) -> PartialRunError:
    """Return the error that tells of the notebooks which a published run lacks."""
    told = " ".join(failure.summary() for failure in course.failures.values())
    stands = ", ".join(course.records)
    is_latest = (course.workspace.profile(run.profile) / "latest").resolve() == run.folder.resolve()
    mend = (
        f"The rest ({stands}) is published as {run.name}"
        f"{'' if is_latest else '; `latest` stays with the last whole run'}. "
        f"Correct the cause, then `retention resume {run.profile}`."
    )
    return PartialRunError(told, mend, run)


def _note_failed(course: Course) -> None:
    """Write the failures to the run's log."""
    for failure in course.failures.values():
        course.journal.write(
            "failed", notebook=failure.notebook, cell=failure.cell, kind=failure.kind
        )


def _publish(course: Course, facts: dict[str, Any]) -> Run:
    """Render the reports, write the manifest, and make the run visible in one step."""
    names = [settings.notebook.name for settings in course.settings]
    _note_failed(course)
    leave_nothing_of_failed(course)
    write_reports(course.workspace, course.staging, course.profile, names, facts)
    write_catalogue(course.workspace, course.staging, course.profile, facts)
    write_summary(course.workspace, course.staging, course.profile, names, facts)
    write_signoff(course.staging, course.profile, SignOff(()))
    pointer = course.staging / "snapshot.json"
    manifest = {
        "schema": 1,
        "run": course.staging.name,
        "profile": course.profile,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **facts,
        "today": read_json(course.staging / "request.json")["today"],
        "snapshot": read_json(pointer)["id"] if pointer.is_file() else None,
        "notebooks": {name: _account(course.records.get(name)) for name in names},
        "artifacts": artifact_hashes(course.staging),
    }
    (course.staging / "request.json").unlink(missing_ok=True)
    course.journal.write("publish", artifacts=len(manifest["artifacts"]))
    write_json(course.staging / "manifest.json", manifest)
    is_latest = course.becomes_latest
    folder = publish(course.workspace, course.profile, course.staging, becomes_latest=is_latest)
    write_index(course.workspace)
    return Run(course.profile, folder, course.workspace.store(course.profile))


def _account(record: Record | None) -> dict[str, Any]:
    """Return what the manifest says of one notebook; None where it failed."""
    if record is None:
        return {"status": FAILED, "key": "", "seconds": 0.0, "peak_memory_mb": 0.0,
                "reused_from": None}  # fmt: skip
    return {
        "status": "reused" if record.reused_from else "ran",
        "key": record.key,
        "seconds": record.seconds,
        "peak_memory_mb": record.peak_memory_mb,
        "reused_from": record.reused_from,
    }


def _kernels(course: Course, shared: Path) -> KernelPool:
    """Open a pool of warm kernels that know where to write."""
    digests = shared / "digests.json"
    hand_on(input_files(sources_of(course.settings), course.workspace).values(), digests)
    environment = {
        STAGING_VARIABLE: str(course.staging),
        SHARED_VARIABLE: str(shared),
        KNOWN_VARIABLE: str(digests),
        "RETENTION_ROOT": str(course.workspace.root),
        "RETENTION_DATA": data_folder(course.workspace),
        **ONE_THREAD,
    }
    ahead = min(course.options.parallel, 2)
    total = 0 if course.options.executed else len(course.settings)
    return KernelPool(ahead, total, course.workspace.project, environment)


def _expected(course: Course) -> dict[str, float]:
    """Return what each notebook took in the run published last."""
    runs = published(course.profile, course.workspace)
    accounts = runs[-1].manifest["notebooks"] if runs else {}
    return {name: a["seconds"] for name, a in accounts.items() if a["status"] != FAILED}
