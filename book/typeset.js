// Typesets formulas with MathJax while the site is built, so that no page loads a script for them. The first line it says
// is the style sheet; then it reads a formula a line, {"tex", "display"}, and answers each with {"html"} or {"error"}.
const lines = require("readline").createInterface({ input: process.stdin });
const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");
const give = (error) => { throw error; };

async function main() {
  const MathJax = await require("mathjax").init({
    loader: { load: ["input/tex", "output/svg", "a11y/assistive-mml"] },
    tex: { packages: { "[-]": ["noerrors", "noundefined"] }, formatError: (_, error) => give(error) },
  });
  const adaptor = MathJax.startup.adaptor;
  say({ css: adaptor.textContent(MathJax.svgStylesheet()) });
  for await (const line of lines) {
    const { tex, display } = JSON.parse(line);
    try {
      say({ html: adaptor.outerHTML(await MathJax.tex2svgPromise(tex, { display })) });
    } catch (error) {
      say({ error: error.message });
    }
  }
}

main();
