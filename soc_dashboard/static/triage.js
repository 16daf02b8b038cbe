// Keys of a table whose rows can be ticked: j and k move, x ticks, Enter looks, c classifies, u takes back.
// They press what is on the page already, so that a key can do nothing that the mouse cannot.
(() => {
  const everywhere = (selector, root = document) => {
    const found = [...root.querySelectorAll(selector)];
    for (const node of root.querySelectorAll("*")) {
      if (node.shadowRoot) found.push(...everywhere(selector, node.shadowRoot));
    }
    return found;
  };
  const shown = (selector) => everywhere(selector).find((node) => node.checkVisibility());
  const button = (name) => {
    const host = shown(`.${name}`);
    return host && (everywhere("button", host.shadowRoot ?? host)[0] ?? null);
  };
  const rows = () => {
    const table = shown(".triage");
    return table ? everywhere(".tabulator-row", table.shadowRoot ?? table) : [];
  };
  let at = -1;

  const move = (step) => {
    const all = rows();
    if (!all.length) return;
    at = Math.min(Math.max(at + step, 0), all.length - 1);
    all.forEach((row, index) => row.classList.toggle("cursor", index === at));
    all[at].scrollIntoView({ block: "nearest" });
    if (drawerIsOpen()) look();
  };
  const cursor = () => rows()[at];
  const tick = () => cursor()?.querySelector("input[type=checkbox]")?.click();
  const look = () => cursor()?.querySelector('[tabulator-field="reason"]')?.click();
  const drawerIsOpen = () => Boolean(shown(".MuiDrawer-modal .MuiDrawer-paper"));
  const press = async (name) => {
    for (let tries = 0; tries < 20; tries += 1) {
      const found = button(name);
      if (found) return found.click();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const classify = () => {
    if (!button("bulk-classify")) tick();
    press("bulk-classify");
  };
  const keys = {
    j: () => move(1),
    k: () => move(-1),
    x: tick,
    Enter: look,
    c: classify,
    u: () => button("bulk-undo")?.click(),
  };

  document.addEventListener("keydown", (event) => {
    const action = keys[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.composedPath()[0];
    const isWriting = target instanceof Element && target.matches("input:not([type=checkbox]), textarea, select");
    const isPressing = event.key === "Enter" && target instanceof Element && target.matches("a, button, summary");
    if (isWriting || isPressing || !shown(".triage")) return;
    event.preventDefault();
    action();
  });
})();
