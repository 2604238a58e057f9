// Shows a document with Redoc, its methods by their names, each with links to the comparisons of versions.

import { init } from "./redoc.js";

const { document: address, comparisons, methods, messages } = JSON.parse(document.querySelector("#data").textContent);
const api = await (await fetch(address)).json();
const routes = new Map();

// Gives an operation its name as title, and links to the comparisons that have it.
function describe(operation, anchor) {
  const links = Object.entries(comparisons).map(([page, title]) => `[${title}](${page}#${anchor})`);
  operation.description ??= operation.summary;
  if (anchor && links.length) operation.description += `\n\nSide by side: ${links.join(", ")}`;
}

const slug = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");

for (const path of Object.values(api.paths ?? {})) {
  for (const operation of Object.values(path)) {
    const name = operation.operationId;
    routes.set(name, `#/${slug(operation.tags[0])}/${name}`);
    describe(operation, methods.includes(name) ? name : "");
    operation.summary = name;
  }
}
for (const [name, operation] of Object.entries(api.operations ?? {})) {
  const channel = operation.channel.$ref.split("/").at(-1);
  const message = messages.find((each) => name === `push.${each}`);
  routes.set(message ?? name, `#/channels/${channel}/operations/${name}`);
  describe(operation, message ? `message-${message}` : methods.includes(name) ? name : "");
  operation.title = name;
  delete operation.summary;
}

for (const channel of Object.values(api.channels ?? {})) {
  for (const [name, message] of Object.entries(channel.messages)) message.title ??= name;
}

// `#account_info` is a link to a method that does not depend on Redoc's own.
function follow() {
  const route = routes.get(decodeURIComponent(location.hash.slice(1)));
  if (route) location.replace(route);
}

follow();
addEventListener("hashchange", follow);
const options = { disableTelemetry: true, sanitize: true, schemasExpansionLevel: 1, jsonSamplesExpandLevel: 3 };
init(api, options, document.querySelector("main"));
document.querySelector("#loading").remove();
