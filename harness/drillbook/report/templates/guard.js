// uPlot asks Intl for navigator.language, which throws where that is not a language tag, as "en-US@posix".
try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, "language", { value: "en-US" });
}
