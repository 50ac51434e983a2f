"""The stable ids of every rule that can decide something, with a sentence each.

R1xx place an endpoint, R2xx give it its outcome, R3xx decide a claim. A rule whose meaning changes gets a
new id; docs/verdicts.md describes each with an example, and a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from residency.model.verdict import ClaimResult, Finding

# Places (evaluate/locate.py)
NOT_LOCATABLE = "R101"
TRANSITION_FORM = "R102"
ANYCAST = "R103"
MEASURED = "R110"
CALIBRATED = "R111"
DECLARED = "R112"
CORROBORATED = "R114"
DATABASE = "R115"
CONFLICT = "R116"
ECHO_OF_LIST = "R117"
ECHO_OF_REGISTRATION = "R118"
OLDER_THAN_PREFIX = "R119"
STRUCK = "R120"
TOO_OLD = "R121"
NO_STATEMENT = "R122"
ECHO_ALONE = "R123"
NOT_FINE_ENOUGH = "R124"
MEASURED_CANNOT_PROVE = "R125"
BACKDATED = "R126"
UNTESTED_VANTAGE = "R127"
FEW_SAMPLES = "R128"

# Outcomes of an endpoint (evaluate/outcome.py)
UNANSWERED = "R201"
EXCUSED = "R202"
NOT_CARRYING = "R203"
INSIDE = "R204"
BELOW_FLOOR = "R205"
VIOLATING = "R206"
ADVERSE = "R207"
DOUBTFUL = "R208"
UNKNOWN = "R209"
PROXIED = "R210"
UNNAMED_KNOWN = "R211"
FRONT = "R212"
LINK_IN_FORCE = "R220"
LINK_MODALITY = "R221"
LINK_NAME = "R222"
LINK_ROLE = "R223"
LINK_ANSWERED = "R224"
LINK_SUBJECTS = "R225"
LINK_CAVEAT = "R226"
LINK_LIST_DATE = "R227"
LINK_NETWORKS = "R228"
LINK_BINDING = "R229"

# Verdicts on a claim (evaluate/judge.py)
VIOLATED = "R301"
CONSISTENT = "R302"
NOT_OBSERVABLE = "R310"
NO_FLOWS = "R311"
HAS_ADVERSE = "R312"
COVERAGE = "R313"
NOTHING_COUNTED = "R314"
HOST_DOUBT = "R315"
ONLY_PARTIES = "R316"
FORBID_ABSENCE = "R317"
BYTES_SKIPPED = "R318"
UNNAMED_SHARE = "R319"
NO_ANSWERED = "R320"
RELIED_ON = "R321"
CANNOT_VIOLATE = "R330"
CANNOT_CONFIRM = "R331"

RULES: Mapping[str, str] = MappingProxyType(
    {
        NOT_LOCATABLE: "private, shared, documentation and other special addresses are never located",
        TRANSITION_FORM: "a 6to4 address is read as its IPv4 address, at most `database`; Teredo is unknown",
        ANYCAST: "an anycast or edge address has no single place: declarations, databases and names are void",
        MEASURED: "round-trip times leave only places on one side",
        CALIBRATED: "a statistical region with a stated error rate leaves only places on one side",
        DECLARED: "the network's operator publishes the address for places on one side",
        CORROBORATED: "two databases of different lineage name the same country, and neither is an echo",
        DATABASE: "a database names places on one side",
        CONFLICT: "statements of one rank name places on both sides",
        ECHO_OF_LIST: "a database answer in cloud, hosting or anycast space repeats the operator's list",
        ECHO_OF_REGISTRATION: "a database answer equal to the country of registration repeats the registry",
        OLDER_THAN_PREFIX: "a database older than the prefix says nothing about it",
        STRUCK: "a statement that names only places excluded by measurement is shown and not counted",
        TOO_OLD: "evidence further from the flow than --max-age is not used",
        NO_STATEMENT: "no source says where the address is",
        ECHO_ALONE: "only echoes place it outside, and an echo supports nothing outside",
        NOT_FINE_ENOUGH: "the evidence names a place that is only partly in the area",
        MEASURED_CANNOT_PROVE: "SYN times of one vantage neither place nor strike",
        BACKDATED: "the list is older or newer than the flow; the distance in days is printed",
        UNTESTED_VANTAGE: "times of a vantage that has not passed its test that far neither place nor strike",
        FEW_SAMPLES: "fewer than three round-trip times of one vantage neither place nor strike",
        UNANSWERED: "the server sent no payload",
        EXCUSED: "a stated exception matches",
        NOT_CARRYING: "the role of the host does not carry the data of this activity",
        INSIDE: "every feasible place is in the claim's area",
        BELOW_FLOOR: "it is inside, but less surely than --min-assurance asks",
        VIOLATING: "it is outside and every link of a contradiction holds",
        ADVERSE: "it is outside, but one link of a contradiction is missing",
        DOUBTFUL: "one database alone places it outside",
        UNKNOWN: "its place in relation to the area is not known",
        PROXIED: "a host in scope was reached through a proxy or a private address",
        UNNAMED_KNOWN: "an unnamed flow to an address that a host in scope used",
        FRONT: "an address of a CDN or shared front has the role `edge` unless the claim states another",
        LINK_IN_FORCE: "within the clock skew of the claim's first or last moment",
        LINK_MODALITY: "the promise is not absolute at that time",
        LINK_NAME: "it is not certain that the conversation was with that host",
        LINK_ROLE: "the stated role does not carry what the claim is about",
        LINK_ANSWERED: "it is not known whether the server answered",
        LINK_SUBJECTS: "whose data it was is assumed, not stated",
        LINK_CAVEAT: "the claim carries a caveat for this activity",
        LINK_LIST_DATE: "the operator's list is too far from the flow in time, or bears no date",
        LINK_NETWORKS: "too few distinct networks agree for the published error rate of databases",
        LINK_BINDING: "the host is bound to the claim by a label only",
        VIOLATED: "at least one endpoint contradicts the claim",
        CONSISTENT: "nothing contradicts it and the located share reaches the coverage",
        NOT_OBSERVABLE: "this activity is not observable on the network",
        NO_FLOWS: "no flow is in the claim's scope",
        HAS_ADVERSE: "endpoints outside lack one link of a contradiction",
        COVERAGE: "the share inside is below the coverage",
        NOTHING_COUNTED: "nothing is left to count after setting aside",
        HOST_DOUBT: "one host's doubtful endpoints carry over 1 % of the claim's flows or bytes",
        ONLY_PARTIES: "without the statements of the claim's own parties it does not hold",
        FORBID_ABSENCE: "not seeing a conversation is no proof of absence",
        BYTES_SKIPPED: "a share of bytes is skipped: no flow told them, or they are zero",
        UNNAMED_SHARE: "too many flows carry no name: an unnamed one may be the one",
        NO_ANSWERED: "no answered conversation with these hosts was seen",
        RELIED_ON: "the auditor relies on a party of the claim",
        CANNOT_VIOLATE: "cannot be contradicted by traffic as written",
        CANNOT_CONFIRM: "cannot be confirmed by traffic as written",
    }
)


def sentences_of(results: Iterable[ClaimResult], findings: Iterable[Finding]) -> dict[str, str]:
    """Return the rules that decided anything in a report, each with its sentence."""
    used = {rule for finding in findings for rule in finding.rules}
    used |= {reason.rule for result in results for reason in (*result.reasons, *result.could.reasons)}
    return {rule: RULES[rule] for rule in sorted(used)}
