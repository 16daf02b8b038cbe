// Runs before the first paint: theme from the last visit, else from the system; then the few actions
// that need no server: theme toggle and copy. One listener on the document reaches into shadow roots.
(() => {
  const root = document.documentElement;
  const cookie = "ja4_theme";
  const stored = document.cookie.split("; ").find((part) => part.startsWith(cookie + "="));
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const remember = (theme) => {
    root.dataset.theme = theme;
    document.cookie = `${cookie}=${theme}; path=/; max-age=31536000; samesite=lax`;
  };
  remember(stored && stored.endsWith("=dark") ? "dark" : stored ? "light" : system);

  const target = (event, name) =>
    event.composedPath().find((node) => node instanceof Element && node.hasAttribute(name));

  document.addEventListener("click", async (event) => {
    if (target(event, "data-theme-toggle")) {
      remember(root.dataset.theme === "dark" ? "light" : "dark");
      return;
    }
    const copy = target(event, "data-copy");
    if (copy) {
      event.preventDefault();
      event.stopPropagation();
      await navigator.clipboard.writeText(copy.dataset.copy);
      copy.classList.add("copied");
      setTimeout(() => copy.classList.remove("copied"), 1200);
    }
  }, true);
})();
