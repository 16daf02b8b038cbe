// Loads what makes the page live, once its first paint is on the screen, and puts the live page in its place.
(() => {
  const GIVE_UP_MS = 40000
  const LOOK_MS = 60
  const {items, scripts, styles} = JSON.parse(document.getElementById("live").textContent)
  const painted = document.getElementById("first-paint")
  const live = document.getElementById("live-page")
  let isConnected = true
  // Panel loads modules through es-module-shims, which reads all of them again and hides them from the browser's
  // own cache of compiled scripts. No module here needs an import map, so the browser's own import does.
  window.importShim = (address) => import(new URL(address, document.baseURI))
  window.importShim.addImportMap = () => {}

  const settled = (node, address) => new Promise((resolve, reject) => {
    node.addEventListener("load", resolve)
    node.addEventListener("error", () => reject(new Error(address)))
    document.head.append(node)
  })
  const style = (href) => settled(Object.assign(document.createElement("link"), {rel: "stylesheet", href}), href)
  // In this order, for the later ones use the earlier.
  const script = (src) => settled(Object.assign(document.createElement("script"), {src, async: false}), src)

  function* everyOne(root, selector) {
    yield* root.querySelectorAll(selector)
    for (const node of root.querySelectorAll("*")) {
      if (node.shadowRoot) yield* everyOne(node.shadowRoot, selector)
    }
  }
  const within = (root, selector) => everyOne(root, selector).next().value
  const isReady = () => Boolean(window.Bokeh?.index?.roots?.[0]?.is_idle) && Boolean(within(live, ".rail")) &&
    (!painted?.querySelector("table.rows tbody tr") || Boolean(within(live, ".tabulator-row")))

  const complain = (words) => {
    if (!painted || painted.querySelector("[role=alert]")) return
    const said = Object.assign(document.createElement("p"), {className: "not-live", textContent: words})
    said.setAttribute("role", "alert")
    painted.querySelector("main").prepend(said)
  }
  const swap = () => {
    const top = painted?.scrollTop ?? 0
    painted?.remove()
    // Panel's boxes have no roles; these two are header and main of the first paint.
    within(live, ".frame-header")?.setAttribute("role", "banner")
    within(live, ".frame-content")?.setAttribute("role", "main")
    live.removeAttribute("style")
    document.documentElement.dataset.live = "yes"
    performance.mark("live")
    document.dispatchEvent(new Event("live"))
    if (top) document.scrollingElement.scrollTop = top
  }
  // Twice in a row: a table that was just built may be drawn once more, and a click in between is lost.
  const watch = (started, wasReady = false) => {
    const ready = isReady()
    if (ready && wasReady) {
      requestAnimationFrame(swap)
    } else if (!isConnected || performance.now() - started > GIVE_UP_MS) {
      complain("The page could not be made live: these figures stay as they were read. Reload to try again.")
    } else {
      setTimeout(() => watch(started, ready), LOOK_MS)
    }
  }
  const start = async () => {
    const Before = window.WebSocket
    window.WebSocket = class extends Before {
      constructor(...given) {
        super(...given)
        this.addEventListener("close", ({code}) => { if (code !== 1000) isConnected = false })
      }
    }
    try {
      await Promise.all([...styles.map(style), ...scripts.map(script)])
    } catch ({message}) {
      complain(`The page could not be made live: ${message} did not load. Reload to try again.`)
      return
    }
    window.Bokeh.set_log_level("warn")
    window.Bokeh.embed.embed_items({}, items)
    watch(performance.now())
  }
  live.style.visibility = "hidden"
  // A frame is painted between the two; a page in the background has none.
  if (document.hidden) start()
  else requestAnimationFrame(() => setTimeout(start))
})()
