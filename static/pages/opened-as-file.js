// Says how to serve the page that loads it, where it was opened as a file: browsers then load neither modules nor workers.
if (location.protocol === "file:") {
  const words = document.createElement("p");
  words.textContent =
    "This page works only when it is served. Run “npm start” in the folder of emotion-cam, or serve this folder with " +
    "any web server, then open http://localhost:8080/.";
  words.style.cssText = "margin: 2rem; font: 1.25rem/1.5 system-ui, sans-serif";
  document.body.prepend(words);
}
