// Runs before the first paint: theme from the last visit, else as preferred, else from the system; then the few actions
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
  const preferred = document.currentScript.dataset.theme;
  const first = ["light", "dark"].includes(preferred) ? preferred : system;
  remember(stored && stored.endsWith("=dark") ? "dark" : stored ? "light" : first);

  const target = (event, name) =>
    event.composedPath().find((node) => node instanceof Element && node.hasAttribute(name));

  document.addEventListener("click", async (event) => {
    if (target(event, "data-theme-toggle")) {
      remember(root.dataset.theme === "dark" ? "light" : "dark");
      return;
    }
    const theme = target(event, "data-theme-set");
    if (theme) remember(theme.dataset.themeSet === "system" ? system : theme.dataset.themeSet);
    const copy = target(event, "data-copy");
    if (copy) {
      event.preventDefault();
      event.stopPropagation();
      await navigator.clipboard.writeText(copy.dataset.copy);
      copy.classList.add("copied");
      setTimeout(() => copy.classList.remove("copied"), 1200);
    }
  }, true);

  // The server closes the live connection with this code when the sign-in has ended: ask for it again.
  const signedOut = 4401;
  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      this.addEventListener("close", ({ code }) => code === signedOut && location.reload());
    }
  };
})();
