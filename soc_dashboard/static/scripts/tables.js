// Tabulator calls its root a grid, and puts into it what no grid may hold for a screen reader: a focusable
// holder and loose buttons. Here the holder gives up its focus and the buttons get a row and a cell.
(() => {
  const mend = (table) => {
    table.querySelector(".tabulator-tableholder")?.removeAttribute("tabindex")
    const footer = table.querySelector(".tabulator-footer")
    footer?.setAttribute("role", "rowgroup")
    footer?.querySelector(".tabulator-footer-contents")?.setAttribute("role", "row")
    footer?.querySelector(".tabulator-paginator")?.setAttribute("role", "gridcell")
  }
  const observer = new MutationObserver((changes) => {
    for (const {target} of changes) {
      const table = target instanceof Element ? target.closest(".tabulator") : target.querySelector?.(".tabulator")
      if (table) mend(table)
    }
  })
  const attach = Element.prototype.attachShadow
  Element.prototype.attachShadow = function attachShadow(options) {
    const root = attach.call(this, options)
    observer.observe(root, {childList: true, subtree: true})
    return root
  }
})()
