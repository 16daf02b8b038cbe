"""SIGHUP: takes over what can be changed while the agent runs, all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from structlog.typing import FilteringBoundLogger

from capture_agent.agent.checking import faults_on_this_machine
from capture_agent.agent.composition import UnknownSink, normal_form
from capture_agent.agent.pseudonym_key import KEY, UnusableKeyFile, client_names
from capture_agent.agent.running import LiveAgent
from capture_agent.agent.running_captures import selection_of, shown_ports
from capture_agent.agent.running_delivery import Delivery
from capture_agent.agent.running_intake import RequestSources
from capture_agent.agent.running_sinks import open_deliveries
from capture_agent.agent.service_manager import ServiceManager
from capture_agent.intake.event_books import EventBooks
from capture_agent.settings.fields import Section
from capture_agent.settings.loading import UnusableSettings
from capture_agent.settings.whole import Settings

RELOADED = frozenset({"capture.ports", "capture.include", "capture.exclude", "requests", "sinks"})
"""Keys and whole sections that a running agent takes over."""
PLACE = "settings"


class Reloader:
    """Called about every second by the thread that owns the agent."""

    def __init__(
        self,
        settings: Settings,
        load: Callable[[], Settings],
        agent: LiveAgent,
        sources: RequestSources,
        deliveries: list[Delivery],
        manager: ServiceManager,
        log: FilteringBoundLogger,
        events: EventBooks | None = None,
    ) -> None:
        """`load` reads the settings anew or raises UnusableSettings; `deliveries` are those of `settings`."""
        self._settings = settings
        self._privacy = settings.privacy
        self._load = load
        self._agent = agent
        self._sources = sources
        self._deliveries = list(zip(settings.sinks, deliveries, strict=True))
        self._manager = manager
        self._log = log
        self._events = events
        self._is_asked = False

    def ask(self) -> None:
        """Reload at the next beat; safe in a signal handler."""
        self._is_asked = True

    def beat(self) -> None:
        """Reload if asked to."""
        if not self._is_asked:
            return
        self._is_asked = False
        self._manager.reloading()
        reasons = self._refusals()
        if reasons:
            self._log.error("settings not reloaded, the old ones stay in force", reasons=reasons)
        self._manager.ready("capturing" if not reasons else "capturing; the last reload was refused")

    def _refusals(self) -> list[str]:
        """Reload; why that cannot be done, if so."""
        try:
            settings = self._load()
        except UnusableSettings as error:
            return [str(fault) for fault in error.faults]
        if faults := list(faults_on_this_machine(settings, PLACE)):
            return [str(fault) for fault in faults]
        try:
            self._take_over(settings)
        except (UnknownSink, UnusableKeyFile, OSError) as error:
            return [str(error)]
        return []

    def _take_over(self, settings: Settings) -> None:
        # What can fail comes first: either everything is new afterwards, or nothing.
        # Rows name clients as at the start until the agent's end, and so does what is said about them.
        form = normal_form(settings.model_copy(update={"privacy": self._privacy}))
        clients = client_names(settings).described()
        kept = [(sink, delivery) for sink, delivery in self._deliveries if sink in settings.sinks]
        known = [sink for sink, _ in kept]
        added = tuple(sink for sink in settings.sinks if sink not in known)
        opened = open_deliveries(settings.model_copy(update={"sinks": added}), self._log, self._events)
        selection = selection_of(settings)
        self._agent.select(selection)
        self._sources.use(form)
        self._agent.keep(form.of)
        self._deliveries = kept + list(zip(added, opened, strict=True))
        self._agent.deliver_to([delivery for _, delivery in self._deliveries])
        later = list(_changes(self._settings, settings))
        if clients != self._agent.stored_clients and settings.privacy == self._privacy:
            later.append(f"the content of {KEY}")
        self._settings = settings
        self._log.info(
            "settings reloaded",
            ports=shown_ports(selection),
            lists=selection.has_lists,
            sinks=[delivery.name for _, delivery in self._deliveries],
        )
        if later:
            self._log.warning("changed settings take a restart", keys=later)


def _changes(old: Settings, new: Settings) -> Iterator[str]:
    """Keys that differ and are read at the start only."""
    for name in Settings.model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if name in RELOADED or before == after:
            continue
        if not isinstance(before, Section):
            yield name
            continue
        for key in type(before).model_fields:
            if f"{name}.{key}" not in RELOADED and getattr(before, key) != getattr(after, key):
                yield f"{name}.{key}"
