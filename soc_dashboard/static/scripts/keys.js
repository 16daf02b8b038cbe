// Keyboard: one list of shortcuts, which the overlay shows as well.
(() => {
  const {all, shown, send, carried, element} = window.ja4
  const settings = document.currentScript.dataset
  const PAUSE_MS = 1200

  const go = (path) => () => {
    const kept = carried().toString()
    location.assign(path + (kept ? `?${kept}` : ""))
  }
  const press = (name) => () =>
    all(document, "button").find((button) => button.getAttribute("aria-label") === name)?.click()
  const filterBox = () => {
    const boxes = all(document, "input[type=text]").filter(shown)
    boxes.find((box) => box.placeholder?.startsWith("Filter"))?.focus()
  }

  // The row cursor: the row that j and k move, Enter opens and f filters by. Where rows can be ticked,
  // triage.js has these keys.
  const rows = () => all(document, ".tabulator-row").filter(shown)
  const cursor = () => rows().find((row) => row.classList.contains("cursor"))
  const isTriage = () => all(document, ".triage").some(shown)
  const move = (step) => () => {
    const list = rows()
    const old = cursor()
    if (!list.length) return
    const at = old ? list.indexOf(old) + step : step > 0 ? 0 : list.length - 1
    old?.classList.remove("cursor")
    const row = list[Math.max(0, Math.min(at, list.length - 1))]
    row.classList.add("cursor")
    row.scrollIntoView({block: "nearest"})
  }
  const cells = () => [...(cursor()?.querySelectorAll(".tabulator-cell") ?? [])]
  const open = () => cells().find((cell) => !cell.querySelector("a, input") && shown(cell))?.click()
  const follow = () => cells().map((cell) => cell.querySelector("a")).find(Boolean)?.click()
  const filter = () => {
    const row = cursor()
    if (row) window.ja4.pivots(row)
  }
  const OF_TRIAGE = ["j", "k", "x", "c", "u", "Enter"]

  const groups = [
    ["Go to", [
      ["/", "Find an address, JA4, host, network or query", () => window.ja4.find()],
      ["g o", "Overview", go("/")],
      ["g l", "Alerts", go("/alerts")],
      ["g c", "Campaigns", go("/campaigns")],
      ["g r", "Requests", go("/requests")],
      ["g f", "Fingerprints", go("/fingerprints")],
      ["g n", "Sensors", go("/sensors")],
      ["g m", "Models", go("/models")],
      ["g s", "Settings", go("/settings")],
      ["g a", "Audit log", go("/audit")],
    ]],
    ["Time", [
      ["1", "Last hour", () => send("range", "1h")],
      ["2", "Last 6 hours", () => send("range", "6h")],
      ["3", "Last 24 hours", () => send("range", "24h")],
      ["4", "Last 7 days", () => send("range", "7d")],
      ["[", "Earlier", () => send("earlier")],
      ["]", "Later", () => send("later")],
      ["b", "Back to the range before the zoom", () => send("back")],
      ["p", "Pause or resume refreshing", () => send("pause")],
      ["r", "Read again", () => send("refresh")],
    ]],
    ["Table", [
      ["s", "Filter box of the table", filterBox],
      ["j", "Next row", move(1)],
      ["k", "Previous row", move(-1)],
      ["Enter", "Open what the row is about", open],
      ["o", "Open the page of its first link", follow],
      ["x", "Tick the row, where rows can be ticked", null],
      ["c", "Classify what is ticked", null],
      ["u", "Take the last decision back", null],
      ["f", "Filter by a value of the row", filter],
    ]],
    ["Page", [
      ["v", "Saved views", () => send("views")],
      ["h", "What the figures mean", () => window.ja4.help()],
      ["t", "Light or dark", press("Light or dark")],
      ["?", "This list", () => toggle()],
    ]],
  ]
  const actions = new Map(groups.flatMap(([, list]) => list.map(([keys, , act]) => [keys, act])))

  let overlay = null
  const toggle = () => {
    if (overlay) {
      overlay.close()
      return
    }
    const lists = groups.map(([name, list]) =>
      element("section", {}, element("h3", {}, name),
        element("dl", {}, ...list.flatMap(([keys, words]) => [
          element("dt", {}, ...keys.split(" ").map((key) => element("kbd", {}, key))),
          element("dd", {}, words),
        ]))))
    overlay = element("dialog", {class: "overlay", "aria-label": "Keyboard shortcuts", onclose: () => {
      overlay.remove()
      overlay = null
    }},
    element("header", {}, element("h2", {}, "Keyboard shortcuts"),
      element("button", {type: "button", onclick: () => overlay.close()}, "Close")),
    element("div", {class: "keys"}, ...lists),
    element("p", {}, "Settings turn shortcuts of a single key off."))
    document.body.append(overlay)
    overlay.showModal()
  }
  window.ja4.shortcuts = toggle

  let first = ""
  let pressedAt = 0
  document.addEventListener("keydown", (event) => {
    const target = event.composedPath()[0]
    const isTyping = target.matches?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]")
    if (settings.shortcuts === "off" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return
    if (document.querySelector(".floating") || (overlay && event.key !== "?")) return
    if (event.defaultPrevented || (OF_TRIAGE.includes(event.key) && isTriage())) return
    if (event.key === "Enter" && (target.matches?.("a, button, [role=button], summary") || !cursor())) return
    const isSecond = first && Date.now() - pressedAt < PAUSE_MS
    const act = (isSecond && actions.get(`${first} ${event.key}`)) || actions.get(event.key)
    first = event.key === "g" ? "g" : ""
    pressedAt = Date.now()
    if (!act) return
    event.preventDefault()
    act()
  })
})()
