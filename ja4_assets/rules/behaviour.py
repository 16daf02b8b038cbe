"""Rules about what a client does."""

from __future__ import annotations

from ja4_assets.rules.rule import AtLeast, AtMost, Matches, Rule, ShareAtLeast, Verdict

BROWSERS = "^(Chrome|Edge|Firefox|Safari|Opera|Samsung Internet)"

BEHAVIOUR_RULES: tuple[Rule, ...] = (
    Rule(
        id="R011",
        title="path guessing",
        reason="Many different paths were asked for, and almost all of them do not exist.",
        verdict=Verdict.BAD_BOT,
        weight=0.9,
        all_of=(AtLeast("paths", 20), ShareAtLeast("status_4xx", "requests", 0.8)),
        evidence=("requests", "paths", "status_4xx"),
    ),
    Rule(
        id="R015",
        title="pages without what belongs to them",
        reason="A browser loads scripts, styles and images with a page; these pages came without any.",
        verdict=Verdict.SUSPICIOUS,
        weight=0.75,
        # Six pages, because one or two may come from a cache with everything that belongs to them.
        all_of=(
            AtMost("asset_complete", 0.05),
            AtLeast("pages", 6),
            Matches("ua_family", BROWSERS),
        ),
        evidence=("user_agent", "pages", "asset_complete", "asset_ratio"),
    ),
    Rule(
        id="R016",
        title="counting through numbers",
        reason="Pages were asked for in steps of one size from number to number, as a program counts.",
        verdict=Verdict.SUSPICIOUS,
        weight=0.8,
        all_of=(AtLeast("enum_score", 0.6), AtLeast("pages", 6)),
        evidence=("requests", "paths", "enum_score"),
    ),
    Rule(
        id="R017",
        title="refused logins",
        reason="One login after the other was refused: passwords are being tried.",
        verdict=Verdict.BAD_BOT,
        weight=0.95,
        all_of=(AtLeast("login_failures", 8), ShareAtLeast("login_failures", "login_attempts", 0.8)),
        evidence=("login_attempts", "login_failures", "user_agent"),
    ),
    Rule(
        id="R018",
        title="looking for secrets",
        reason="Many requests were for files that hold secrets or lead to administration.",
        verdict=Verdict.BAD_BOT,
        weight=0.9,
        all_of=(AtLeast("sensitive_hits", 0.3), AtLeast("requests", 5)),
        evidence=("requests", "paths", "sensitive_hits"),
    ),
    Rule(
        id="R026",
        title="asked for by address",
        reason="The host asked for is an IP address, as in a scan of networks; people follow names.",
        verdict=Verdict.SUSPICIOUS,
        weight=0.6,
        all_of=(Matches("host", r"^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\])$"),),
        evidence=(
            "host",
            "requests",
            "user_agent",
        ),
    ),
    Rule(
        id="R028",
        title="hellos without a request",
        reason="The address opens many TLS connections and asks for nothing, as a scan of handshakes does.",
        verdict=Verdict.SUSPICIOUS,
        weight=0.85,
        # No proof: a load balancer's or a monitor's check of the handshake does the same.
        all_of=(AtLeast("unused_hellos", 20), ShareAtLeast("unused_hellos", "hellos", 0.8)),
        evidence=(
            "hellos",
            "unused_hellos",
            "ja4",
            "requests",
        ),
    ),
    Rule(
        id="R033",
        title="attack in the path",
        reason="Paths hold what only attacks put there: ways out of the site, script, JNDI, SQL or a shell.",
        verdict=Verdict.BAD_BOT,
        weight=0.97,
        # Three, because a person may follow one broken link with two dots in it.
        all_of=(AtLeast("attack_requests", 3),),
        evidence=(
            "attack_requests",
            "requests",
            "paths",
            "user_agent",
        ),
    ),
    Rule(
        id="R034",
        title="like a clock",
        reason="A browser's requests come at one distance from the other, as a program sends them.",
        verdict=Verdict.SUSPICIOUS,
        weight=0.7,
        all_of=(
            AtLeast("mode_share", 0.9),
            AtLeast("requests", 20),
            AtMost("reqs_per_conn", 1.5),
            Matches("ua_family", BROWSERS),
        ),
        evidence=(
            "user_agent",
            "requests",
            "mode_share",
            "reqs_per_conn",
        ),
    ),
    Rule(
        id="R035",
        title="pages at one pace",
        reason="A browser's pauses from page to page are of one length; people read one longer than another.",
        verdict=Verdict.SUSPICIOUS,
        weight=0.75,
        # Times on a page follow a Weibull distribution of a shape below 1, so that they spread by more than
        # their mean (Liu, White, Dumais: Understanding web browsing behaviors through Weibull analysis of
        # dwell time, 2010). A wait drawn evenly from 1 to 3 s spreads by 0.29 of it.
        all_of=(
            AtLeast("page_gaps", 8),
            AtMost("page_gap_cv", 0.3),
            Matches("ua_family", BROWSERS),
        ),
        evidence=(
            "user_agent",
            "pages",
            "page_gaps",
            "page_gap_cv",
        ),
    ),
    Rule(
        id="R037",
        title="every page typed",
        reason="Page after page came as if its address had been typed; people follow links between them.",
        verdict=Verdict.SUSPICIOUS,
        weight=0.7,
        # By Sec-Fetch-Site, which no page or referrer policy changes (W3C, Fetch Metadata Request Headers).
        # Links in a chat or mail program come like this too, and a few bookmarks: no proof, and eight.
        all_of=(
            AtLeast("page_gaps", 8),
            ShareAtLeast("typed_pages", "page_gaps", 0.9),
            Matches("ua_family", BROWSERS),
        ),
        evidence=(
            "user_agent",
            "pages",
            "page_gaps",
            "typed_pages",
        ),
    ),
)
