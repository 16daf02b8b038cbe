// The help drawer: what every figure of this page means; a click on a figure's name opens it there.
(() => {
  const {element} = window.ja4
  const page = document.currentScript.dataset.help
  const slug = (name) => name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "")
  let drawer = null
  let opener = null

  const focused = () => {
    let node = document.activeElement
    while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement
    return node
  }
  const show = async (figure = "") => {
    if (!drawer) {
      opener = focused()
      const answer = await fetch(`/help/${page}`, {headers: {Accept: "text/html"}})
      const body = element("div", {class: "help-text", tabindex: "0"})
      if (answer.ok) body.innerHTML = await answer.text()
      else body.textContent = `The help could not be read (${answer.status}).`
      drawer = element("aside", {class: "help", "aria-label": "Help"},
        element("header", {}, element("h2", {}, "Help"),
          element("button", {type: "button", onclick: () => window.ja4.shortcuts()}, "Shortcuts"),
          element("button", {type: "button", onclick: () => window.ja4.tour()}, "Tour"),
          element("button", {type: "button", onclick: hide}, "Close")),
        body)
      document.body.append(drawer)
    } else if (!figure) {
      hide()
      return
    }
    const place = figure && drawer.querySelector(`#${CSS.escape(slug(figure))}`)
    if (place) {
      place.scrollIntoView()
      place.focus()
    } else drawer.querySelector("button:last-of-type").focus()
  }
  const hide = () => {
    if (!drawer) return
    drawer.remove()
    drawer = null
    opener?.focus()
  }
  document.addEventListener("keydown", (event) => {
    if (drawer && event.key === "Escape" && !document.querySelector(".floating, .overlay")) hide()
  })
  document.addEventListener("click", (event) => {
    const target = event.composedPath().find((node) => node instanceof Element && node.matches("[data-figure], [data-help-toggle]"))
    if (target) show(target.dataset.figure ?? "")
  })
  window.ja4.help = show
})()
