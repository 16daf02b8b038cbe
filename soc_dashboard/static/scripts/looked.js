// Remembers when this person last looked, so that the overview can say what is new to them.
(() => {
  const AWAY_S = 30 * 60
  const now = () => Math.floor(Date.now() / 1000)
  const cookies = Object.fromEntries(document.cookie.split("; ").map((part) => part.split("=")))
  const remember = (name, value) => {
    document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax`
  }
  const active = Number(cookies.ja4_active)
  if (active && now() - active > AWAY_S) remember("ja4_looked", active)
  const stay = () => {
    if (document.visibilityState === "visible") remember("ja4_active", now())
  }
  stay()
  setInterval(stay, 60_000)
})()
