// The widgets on the site, where there is no Python: each still picture gives way to the live thing.

const folder = new URL("../models", import.meta.url).href;
const found = [...document.querySelectorAll("[data-course-widget]")];
if (found.length) {
  const { mount } = await import("./widget.js");
  for (const el of found) mount(el, el.dataset.courseWidget, JSON.parse(el.dataset.state), folder);
}
