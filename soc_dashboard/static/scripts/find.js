// The header's search box: Enter leads to the page of what was typed, and the range goes along.
(() => {
  const {all, shown, carried} = window.ja4
  const boxes = () => all(document, ".find input").filter(shown)

  document.addEventListener("keydown", (event) => {
    const box = event.composedPath()[0]
    if (!box.closest?.(".find")) return
    if (event.key === "Escape") box.blur()
    if (event.key !== "Enter" || event.isComposing) return
    event.preventDefault()
    const typed = box.value.trim()
    // A field name was chosen from the list; its value is still to come.
    if (!typed || typed.endsWith(":")) return
    const asked = carried()
    asked.set("q", typed)
    location.assign(`/find?${asked}`)
  })

  window.ja4.find = () => {
    boxes()[0]?.focus()
    boxes()[0]?.select()
  }
})()
