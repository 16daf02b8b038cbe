// What the other scripts share: elements behind shadow roots, calls to the server, floating panels.
(() => {
  const FOCUS_MS = 10000
  const all = (root, selector) => {
    const found = [...root.querySelectorAll(selector)]
    for (const node of root.querySelectorAll("*"))
      if (node.shadowRoot) found.push(...all(node.shadowRoot, selector))
    return found
  }
  const shown = (node) => node.checkVisibility?.({visibilityProperty: true}) ?? true

  // A hidden input of the page carries calls over its live connection; the number makes each a new value.
  let calls = 0
  const send = (action, value = "") => {
    const host = all(document, ".browser-calls")[0]
    const input = host && (host.shadowRoot ?? host).querySelector("input")
    if (!input) return false
    input.value = JSON.stringify({number: ++calls, action, value})
    input.dispatchEvent(new Event("change"))
    return true
  }

  // Range keys go along to every other page.
  const carried = () => {
    const asked = new URLSearchParams(location.search)
    const kept = new URLSearchParams()
    for (const key of ["range", "from", "to"]) if (asked.has(key)) kept.set(key, asked.get(key))
    return kept
  }

  const element = (tag, attributes = {}, ...content) => {
    const node = document.createElement(tag)
    for (const [name, value] of Object.entries(attributes))
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value)
      else node.setAttribute(name, value)
    node.append(...content)
    return node
  }

  // One floating panel at a time, under what opened it; Escape or a click elsewhere closes it.
  let panel = null
  let opener = null
  const close = () => {
    if (!panel) return
    panel.remove()
    panel = null
    opener?.focus?.()
    opener = null
  }
  const float = (anchor, box, label, ...content) => {
    close()
    opener = anchor
    panel = element("div", {class: "floating", role: "dialog", "aria-label": label, tabindex: "-1"}, ...content)
    document.body.append(panel)
    const room = panel.getBoundingClientRect()
    panel.style.left = `${Math.max(8, Math.min(box.left, innerWidth - room.width - 8))}px`
    const below = box.bottom + 4
    panel.style.top = `${below + room.height > innerHeight ? Math.max(8, box.top - room.height - 4) : below}px`
    ;(panel.querySelector("a, button, input") ?? panel).focus()
    return panel
  }
  document.addEventListener("pointerdown", (event) => {
    if (panel && !event.composedPath().includes(panel)) close()
  }, true)
  document.addEventListener("keydown", (event) => {
    if (panel && event.key === "Escape") {
      event.stopPropagation()
      close()
    } else if (panel && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const stops = [...panel.querySelectorAll("a, button, input")]
      const at = stops.indexOf(document.activeElement)
      const next = (at + (event.key === "ArrowDown" ? 1 : stops.length - 1)) % stops.length
      stops[next]?.focus()
      event.preventDefault()
    }
  }, true)

  // What was asked for while the page was not live yet; the last one counts.
  let asked = null
  // The server writes a button anew when it answers, and the focus must not be lost with the old one.
  const keepFocus = (target) => {
    const root = target.getRootNode()
    if (root.activeElement !== target) return
    const {call, value} = target.dataset
    const observer = new MutationObserver(() => {
      if (target.isConnected) return
      observer.disconnect()
      const same = [...root.querySelectorAll(`[data-call="${call}"]`)].find((one) => one.dataset.value === value)
      if (!root.activeElement) same?.focus()
    })
    observer.observe(root, {childList: true, subtree: true})
    setTimeout(() => observer.disconnect(), FOCUS_MS)
  }
  document.addEventListener("click", (event) => {
    const target = event.composedPath().find((node) => node instanceof Element && node.hasAttribute("data-call"))
    if (!target) return
    keepFocus(target)
    const call = [target.dataset.call, target.dataset.value ?? ""]
    if (!send(...call)) asked = call
  })

  // The server draws charts in the colours of the theme.
  const tellTheme = () => send("theme", document.documentElement.dataset.theme)
  document.addEventListener("live", () => {
    tellTheme()
    new MutationObserver(tellTheme).observe(document.documentElement, {attributeFilter: ["data-theme"]})
    if (asked) send(...asked)
  })

  window.ja4 = {all, shown, send, carried, element, float, close}
})()
