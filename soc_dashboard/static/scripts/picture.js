// Saves the charts of a card as a PNG: its title, the range, and the drawing on the card's colour.
(() => {
  const {all} = window.ja4
  const HEAD_PX = 44

  const save = (card, title) => {
    const charts = all(card.shadowRoot ?? card, "canvas").filter((canvas) => canvas.width > 1 && canvas.height > 1)
    if (!charts.length) return
    const scale = devicePixelRatio
    const [width, height] = [charts[0].width, charts[0].height]
    const picture = document.createElement("canvas")
    picture.width = width
    picture.height = height + HEAD_PX * scale
    const style = getComputedStyle(document.documentElement)
    const paint = picture.getContext("2d")
    paint.fillStyle = style.getPropertyValue("--card")
    paint.fillRect(0, 0, picture.width, picture.height)
    paint.fillStyle = style.getPropertyValue("--text")
    paint.font = `600 ${14 * scale}px Inter, sans-serif`
    paint.fillText(title, 14 * scale, 20 * scale)
    paint.fillStyle = style.getPropertyValue("--muted")
    paint.font = `${11 * scale}px Inter, sans-serif`
    const span = all(document, ".span").map((node) => node.textContent.trim()).find(Boolean) ?? ""
    paint.fillText(`${document.title} · ${span}`, 14 * scale, 36 * scale)
    for (const chart of charts)
      if (chart.width === width && chart.height === height) paint.drawImage(chart, 0, HEAD_PX * scale)
    const link = document.createElement("a")
    link.download = `${title.toLowerCase().replace(/[^a-z0-9]+/g, "-")}.png`
    link.href = picture.toDataURL("image/png")
    link.click()
  }

  document.addEventListener("click", (event) => {
    const path = event.composedPath().filter((node) => node instanceof Element)
    const button = path.find((node) => node.hasAttribute("data-picture"))
    if (button) save(path.find((node) => node.classList.contains("card")), button.dataset.picture)
  })
})()
