// The theme of the last visit before the first paint, and two buttons: theme and copy.
(() => {
  const root = document.documentElement;
  const cookie = "ja4_theme";
  const stored = document.cookie.split("; ").find((part) => part.startsWith(cookie + "="));
  const isSystemDark = matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = (stored ? stored.endsWith("=dark") : isSystemDark) ? "dark" : "light";

  document.addEventListener("click", async (event) => {
    const button = event.target instanceof Element && event.target.closest("button");
    if (!button) return;
    if (button.hasAttribute("data-theme-toggle")) {
      root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
      document.cookie = `${cookie}=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
    } else if (button.dataset.copy) {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    }
  });
})();
