// The first-run tour: an offer that is in nobody's way, then one sentence for each part of the page.
(() => {
  const {all, shown, send, element} = window.ja4
  const COOKIE = "ja4_tour"
  const steps = [
    [".rail", "Pages", "What is wrong now is on Overview, what waits for a decision under Alerts. The range goes along."],
    ["[role=group][aria-label='Time range'], .span", "Time", "Every figure is about this range. Drag over a chart to zoom; the arrow leads back."],
    [".kpi", "Figures", "Hover for what is counted and of what; click a name for its explanation."],
    ["canvas", "Over time", "Bars are stacked by verdict. Each verdict has its shape as well as its colour."],
    ["input[placeholder^=Filter]", "Search", "Type a part of a value or a query such as status:4xx -verdict:human; the address keeps it."],
    [".tabulator-row", "Rows", "Click one for its evidence. A right click on a value filters by it or opens its page."],
    ["[data-help-toggle]", "Help", "Explains every figure of the page. Press ? for the keyboard shortcuts."],
  ]

  let card = null
  let marked = null
  const remember = () => {
    document.cookie = `${COOKIE}=done; path=/; max-age=31536000; samesite=lax`
    send("tour")
  }
  const clear = () => {
    card?.remove()
    marked?.remove()
    card = marked = null
  }
  const end = () => {
    clear()
    remember()
  }
  const button = (label, act) => element("button", {type: "button", onclick: act}, label)

  const step = (index) => {
    clear()
    const present = steps.filter(([selector]) => all(document, selector).some(shown))
    if (!present[index]) {
      end()
      return
    }
    const [selector, title, words] = present[index]
    const box = all(document, selector).find(shown).getBoundingClientRect()
    marked = element("div", {class: "tour-mark", "aria-hidden": "true"})
    Object.assign(marked.style, {left: `${box.left - 4}px`, top: `${box.top - 4}px`,
      width: `${Math.min(box.width, innerWidth) + 8}px`, height: `${Math.min(box.height, innerHeight * 0.6) + 8}px`})
    const isLast = index === present.length - 1
    card = element("div", {class: "tour", role: "dialog", "aria-label": title},
      element("h2", {}, title), element("p", {}, words),
      element("footer", {}, element("span", {}, `${index + 1} of ${present.length}`),
        ...(index ? [button("Back", () => step(index - 1))] : []),
        button("End", end), ...(isLast ? [] : [button("Next", () => step(index + 1))])))
    document.body.append(marked, card)
    card.querySelector("footer button:last-child").focus()
  }
  window.ja4.tour = () => step(0)

  const offer = () => {
    card = element("div", {class: "tour", role: "complementary", "aria-label": "Tour"},
      element("p", {}, "New here? A tour of one minute."),
      element("footer", {}, button("Not now", end), button("Start", () => step(0))))
    document.body.append(card)
  }
  const isDone = document.currentScript.dataset.tour === "done" || document.cookie.includes(`${COOKIE}=done`)
  if (!isDone) addEventListener("load", () => setTimeout(offer, 3000))
})()
