// Any value in a table: show only what has it, leave it out, open its page, copy it. And the menus of a table.
(() => {
  const {all, shown, send, carried, element, float, close} = window.ja4
  const FIELDS = JSON.parse(document.currentScript.dataset.fields)
  const PAGES = JSON.parse(document.currentScript.dataset.pages)
  const MAX_VALUE = 300

  // Values that were cut or made visible are not what is stored: nothing can be searched by them.
  const stored = (text) => text && text.length <= MAX_VALUE && !text.endsWith("…") && !text.includes("\\u{")
  const value = (cell, field) => {
    const text = cell.textContent.trim()
    return field === "verdict" ? text.toLowerCase().replaceAll(" ", "_") : text.replaceAll("\u202f", "")
  }
  const quoted = (text) => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`
  const searchPage = (term) => {
    const query = carried()
    query.set("q", term)
    return `/requests?${query}`
  }
  const isHere = () => all(document, ".query-box").some(shown)

  const items = (field, text) => {
    const term = `${field}:${quoted(text)}`
    const shortened = text.length > 40 ? `${text.slice(0, 39)}…` : text
    const filter = (label, asked) => isHere()
      ? element("button", {type: "button", onclick: () => { send("filter", asked); close() }}, label)
      : element("a", {href: searchPage(asked)}, label)
    const made = [filter(`Only ${field} ${shortened}`, term), filter(`Without ${field} ${shortened}`, `-${term}`)]
    if (PAGES[field]) {
      const kept = carried().toString()
      const address = PAGES[field] + encodeURIComponent(text) + (kept ? `?${kept}` : "")
      made.push(element("a", {href: address}, `Open the page of ${shortened}`))
    }
    made.push(element("button", {type: "button", onclick: async () => {
      await navigator.clipboard.writeText(text)
      close()
    }}, "Copy"))
    return made
  }
  const pivotsOf = (list) => list.flatMap((cell) => {
    const field = FIELDS[cell.getAttribute("tabulator-field")]
    const text = field ? value(cell, field) : ""
    return stored(text) && text !== "–" ? [[field, text]] : []
  })
  // All values of a row, for the keyboard: two choices each.
  window.ja4.pivots = (row) => {
    const found = pivotsOf([...row.querySelectorAll(".tabulator-cell")].filter(shown))
    if (found.length) float(row, row.getBoundingClientRect(), "Filter by a value of the row",
      ...found.flatMap(([field, text]) => items(field, text).slice(0, 2)))
  }

  const cellOf = (event) => event.composedPath().find((node) =>
    node instanceof Element && node.classList.contains("tabulator-cell"))

  // A small button in the corner of the cell under the pointer; a right click does the same.
  const handle = element("button", {type: "button", class: "cell-handle", tabindex: "-1",
    "aria-label": "What can be done with this value", hidden: ""}, "⋯")
  document.addEventListener("DOMContentLoaded", () => document.body.append(handle))
  let under = null
  document.addEventListener("pointerover", (event) => {
    if (event.composedPath().includes(handle)) return
    const cell = event.pointerType === "mouse" ? cellOf(event) : null
    under = cell && pivotsOf([cell]).length ? cell : null
    handle.hidden = !under
    if (!under) return
    const box = under.getBoundingClientRect()
    handle.style.left = `${box.right - 24}px`
    handle.style.top = `${box.top + (box.height - 20) / 2}px`
  })
  document.addEventListener("scroll", () => { handle.hidden = true }, true)
  const openMenu = (cell) => {
    const [pivot] = pivotsOf([cell])
    if (pivot) float(cell, cell.getBoundingClientRect(), "What can be done with this value", ...items(...pivot))
    return Boolean(pivot)
  }
  handle.addEventListener("click", () => under && openMenu(under))
  document.addEventListener("contextmenu", (event) => {
    const cell = cellOf(event)
    if (cell && openMenu(cell)) event.preventDefault()
  }, true)

  // Column chooser and export of one table.
  document.addEventListener("click", (event) => {
    const button = event.composedPath().find((node) => node instanceof Element && node.matches("[data-columns], [data-export]"))
    if (!button) return
    const box = button.getBoundingClientRect()
    if (button.hasAttribute("data-columns")) {
      const columns = JSON.parse(button.dataset.columns)
      const boxes = columns.map(([name, title, isShown]) => {
        const input = element("input", {type: "checkbox", value: name, onchange: () => send("columns", JSON.stringify({
          table: button.dataset.table,
          hidden: inputs.filter((each) => !each.checked).map((each) => each.value),
        }))})
        input.checked = isShown
        return element("label", {}, input, title)
      })
      const inputs = boxes.map((label) => label.firstChild)
      float(button, box, "Columns", ...boxes)
    } else {
      const {csv, parquet, note} = JSON.parse(button.dataset.export)
      float(button, box, "Export",
        element("a", {href: csv, download: "", onclick: close}, "CSV"),
        element("a", {href: parquet, download: "", onclick: close}, "Parquet"),
        element("p", {}, note))
    }
  })
})()
