"""What a subject consists of: its commonest networks, countries, fingerprints and hosts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from enum import StrEnum

from soc_dashboard.search.conditions import conditions
from soc_dashboard.search.fields import Grain
from soc_dashboard.search.terms import Term
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.overview import span_parameters
from soc_dashboard.store.rows import TopValue
from soc_dashboard.window import Window

TOP_VALUES = 7


class Top(StrEnum):
    """What is counted; each is the name of the field in the query box, too."""

    ASN = "asn"
    COUNTRY = "country"
    JA4_STABLE = "ja4_stable"
    HOST = "host"


_VALUES = {
    Top.ASN: "if(entity.asn = 0, '', toString(entity.asn))",
    Top.COUNTRY: "toString(entity.country)",
    Top.JA4_STABLE: "toString(entity.ja4_stable)",
    Top.HOST: "toString(entity.host)",
}


async def read_tops(
    marts: MartDatabase, scope: Sequence[Term], window: Window, tops: Sequence[Top]
) -> Mapping[Top, Sequence[TopValue]]:
    """The TOP_VALUES commonest values of each; raises StoreFailedError."""
    search = conditions(scope, Grain.KEY)
    parameters = {**span_parameters(window), **search.parameters, "limit": TOP_VALUES}
    found = await asyncio.gather(
        *(
            marts.fetch("subject_top", TopValue, parameters, {"value": _VALUES[top], "scope": search.sql})
            for top in tops
        )
    )
    return dict(zip(tops, found, strict=True))
