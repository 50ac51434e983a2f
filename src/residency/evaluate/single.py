"""One address held against one area: the rules of a `connection` claim over a single answered conversation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from residency.evaluate.judge import Entry, Judgement, judge
from residency.evaluate.locate import Weighed
from residency.evaluate.outcome import Terms
from residency.evaluate.scope import Groups, Match, Scope, Via
from residency.model.claim import Activity, Claim, HostRule
from residency.model.evidence import Assurance
from residency.model.names import HostPattern
from residency.model.network import Address, AddressBook
from residency.model.period import midnight
from residency.model.place import Area
from residency.model.verdict import Observed

_ROW = np.array([0], dtype=np.int64)
_NONE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The area asked about, the day of the (imagined) conversation, and the floor of assurance."""

    within: tuple[str, ...]
    area: Area
    day: date
    floor: Assurance = Assurance.DATABASE

    @property
    def claim(self) -> Claim:
        """The question as a claim: conversations with any host end within."""
        every = HostRule(pattern=HostPattern.parse("*"))
        statement = f"conversations end in {', '.join(self.within)}"
        return Claim(id="within", statement=statement, activity=Activity.CONNECTION, allow=self.within, hosts=(every,))


def answer(question: Question, address: Address, weighed: Weighed) -> Judgement:
    """Judge one answered conversation with `address` on the day asked about; its bytes are not known."""
    claim, at = question.claim, midnight(question.day)
    terms = Terms(
        claim=claim,
        at=at,
        area=question.area,
        in_force=True,
        exceptions=(),
        subjects_stated=True,
        floor=question.floor,
    )
    entry = Entry(
        seen=_conversation(address, at),
        address=address,
        match=Match(via=Via.EVERYTHING, rule="*"),
        weighed=weighed,
        terms=terms,
    )
    scope = Scope(rows=_ROW, matches=(entry.match,), unnamed=_NONE, parsed=_ROW)
    return judge(claim, [entry], scope, _groups(address), subjects_stated=True)


def _conversation(address: Address, at: datetime) -> Observed:
    return Observed(
        group=0,
        server_ip=address.text,
        server_form=address.form.value,
        server_port=None,
        proto=None,
        host=None,
        named_by=None,
        answered=True,
        period=0,
        vantage=None,
        rtt_kind=None,
        records=1,
        flows=1,
        bytes_sent=None,
        bytes_received=None,
        sent_unknown=1,
        received_unknown=1,
        first=at,
        last=at,
    )


def _groups(address: Address) -> Groups:
    zero = np.zeros(1, dtype=np.int64)
    return Groups(
        hosts=(),
        addresses=AddressBook([address.text]),
        asns=zero,
        host_code=zero - 1,
        address_code=zero,
        port=zero - 1,
        period=zero,
        certain_name=np.zeros(1, dtype=bool),
        flows=zero + 1,
        bytes_sent=zero,
        bytes_received=zero,
    )
