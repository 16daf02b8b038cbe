"""Bots whose operators say how to tell them from impostors, as data.

Sources: each operator's own page, named in `documentation`; read in November 2026.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bot:
    """One bot and the ways in which its operator lets others check an address."""

    claimed: str
    """What a client must call itself: a family of the seed `user_agent_families`."""
    operator: str
    documentation: str
    """Where the operator says it."""
    range_names: tuple[str, ...] = ()
    """Names that its ranges have in the reference data (`intel_networks`, source crawler_ranges)."""
    are_ranges_complete: bool = False
    """The operator offers the list as a test by itself: an address outside of it is not the bot's."""
    dns_suffixes: tuple[str, ...] = ()
    """Domains in which its addresses have their names, and those names their addresses."""
    asns: tuple[int, ...] = ()
    """Networks that the operator names as its own; all their addresses may be the bot's."""


BOTS: tuple[Bot, ...] = (
    Bot(
        claimed="Googlebot",
        operator="Google",
        documentation="https://developers.google.com/search/docs/crawling-indexing/verifying-googlebot",
        range_names=(
            "Googlebot",
            "Google special-purpose crawlers",
            "Google user-triggered fetchers",
            "Google user-triggered fetchers (Google-owned ranges)",
            "Google-Agent (agents on Google infrastructure)",
        ),
        are_ranges_complete=True,
        dns_suffixes=("googlebot.com", "google.com", "googleusercontent.com"),
    ),
    Bot(
        claimed="bingbot",
        operator="Microsoft",
        documentation="https://www.bing.com/webmasters/help/how-to-verify-bingbot-3905dc26",
        range_names=("bingbot",),
        are_ranges_complete=True,
        dns_suffixes=("search.msn.com",),
    ),
    Bot(
        claimed="Applebot",
        operator="Apple",
        documentation="https://support.apple.com/119829",
        range_names=("Applebot",),
        are_ranges_complete=True,
        dns_suffixes=("applebot.apple.com",),
    ),
    Bot(
        claimed="DuckDuckBot",
        operator="DuckDuckGo",
        documentation="https://duckduckgo.com/duckduckgo-help-pages/results/duckduckbot",
        range_names=("DuckDuckBot",),
        # The family holds DuckAssistBot, whose addresses are a list of their own.
        are_ranges_complete=False,
    ),
    Bot(
        claimed="GPTBot",
        operator="OpenAI",
        documentation="https://platform.openai.com/docs/bots",
        range_names=("GPTBot",),
        are_ranges_complete=True,
    ),
    Bot(
        claimed="ChatGPT-User",
        operator="OpenAI",
        documentation="https://platform.openai.com/docs/bots",
        range_names=("ChatGPT-User",),
        are_ranges_complete=True,
    ),
    Bot(
        claimed="OAI-SearchBot",
        operator="OpenAI",
        documentation="https://platform.openai.com/docs/bots",
        range_names=("OAI-SearchBot",),
        are_ranges_complete=True,
    ),
    Bot(
        claimed="ClaudeBot",
        operator="Anthropic",
        documentation="https://support.anthropic.com/en/articles/8896518",
    ),
    Bot(
        claimed="PerplexityBot",
        operator="Perplexity",
        documentation="https://docs.perplexity.ai/guides/bots",
        range_names=("PerplexityBot", "Perplexity-User"),
        are_ranges_complete=True,
    ),
    Bot(
        claimed="Meta crawler",
        operator="Meta",
        documentation="https://developers.facebook.com/docs/sharing/webmasters/web-crawlers",
        asns=(32934,),
        are_ranges_complete=True,
    ),
    Bot(
        claimed="Amazonbot",
        operator="Amazon",
        documentation="https://developer.amazon.com/amazonbot",
        dns_suffixes=("crawl.amazonbot.amazon",),
    ),
    Bot(
        claimed="YandexBot",
        operator="Yandex",
        documentation="https://yandex.com/support/webmaster/robot-workings/check-yandex-robots.html",
        dns_suffixes=("yandex.ru", "yandex.net", "yandex.com"),
    ),
    Bot(
        claimed="Baiduspider",
        operator="Baidu",
        documentation="https://help.baidu.com/question?prod_id=99&class=476&id=2996",
        dns_suffixes=("baidu.com", "baidu.jp"),
    ),
    Bot(
        claimed="CCBot",
        operator="Common Crawl",
        documentation="https://commoncrawl.org/ccbot",
        range_names=("CCBot",),
        are_ranges_complete=True,
        dns_suffixes=("crawl.commoncrawl.org",),
    ),
    Bot(
        claimed="AhrefsBot",
        operator="Ahrefs",
        documentation="https://help.ahrefs.com/en/articles/78658",
        range_names=("AhrefsBot and AhrefsSiteAudit",),
        are_ranges_complete=True,
        dns_suffixes=("ahrefs.com", "ahrefs.net"),
    ),
    Bot(
        claimed="PetalBot",
        operator="Huawei",
        documentation="https://webmaster.petalsearch.com/site/petalbot",
        dns_suffixes=("petalsearch.com", "aspiegel.com"),
    ),
)

BOTS_BY_CLAIM: dict[str, Bot] = {bot.claimed: bot for bot in BOTS}
