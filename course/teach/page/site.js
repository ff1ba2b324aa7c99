// The widgets on the site, where there is no Python: each still picture gives way to the live thing.

import { mount } from "./widget.js";

const folder = new URL("../models", import.meta.url).href;
for (const el of document.querySelectorAll("[data-course-widget]")) {
  mount(el, el.dataset.courseWidget, JSON.parse(el.dataset.state), folder);
}
