// A button beside each command that copies it; without this script a click selects the command whole.
(function () {
  "use strict";
  if (!navigator.clipboard) return;
  for (const line of document.querySelectorAll(".ask")) {
    const button = line.appendChild(document.createElement("button"));
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(line.querySelector("code").textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(line.querySelector("code"));
      }
    });
  }
})();
