// Scheme: light or dark, set before the first paint; "auto" is what the system says.
(() => {
  try {
    const chosen = localStorage.getItem("planrail-scheme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.scheme = chosen;
  } catch {
    // no storage: the system's
  }
})();
