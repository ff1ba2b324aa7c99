// A formula wider than a phone scrolls in its own box, and whoever moves by keyboard has to be able to reach that box.
// (The theme sees to code, tables and outputs in the same way.)
function makeWideFormulasReachable() {
  for (const formula of document.querySelectorAll("mjx-container[display]")) {
    if (formula.scrollWidth > formula.clientWidth) formula.tabIndex = 0;
    else formula.removeAttribute("tabindex");
  }
}
addEventListener("load", makeWideFormulasReachable);
addEventListener("resize", makeWideFormulasReachable);
// What was folded up has no width until it is opened: the theme looks at it again.
document.addEventListener("toggle", () => dispatchEvent(new Event("resize")), true);
// Paper is white, whatever the screen is.
let onScreen;
addEventListener("beforeprint", () => {
  onScreen = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
});
addEventListener("afterprint", () => { document.documentElement.dataset.theme = onScreen; });
