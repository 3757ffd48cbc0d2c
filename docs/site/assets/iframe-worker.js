// The site's search runs in a worker, which browsers do not start for pages that are opened from a folder (file://). There, a
// hidden frame runs the worker's script in its place.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.waiting = [];
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.appendChild(frame);
      this.scope = frame.contentWindow;
      this.scope.postMessage = (data) => this.answer(data);
      this.scope.importScripts = (...urls) => Promise.all(urls.map((each) => this.load(new URL(each, url).href)));
      this.load(url).then(() => {
        this.loaded = true;
        for (const data of this.waiting) this.postMessage(data);
      });
    }
    load(url) {
      return new Promise((done, failed) => {
        const script = this.scope.document.createElement("script");
        script.src = url;
        script.onload = done;
        script.onerror = failed;
        this.scope.document.body.appendChild(script);
      });
    }
    postMessage(data) {
      if (this.loaded) this.scope.dispatchEvent(new MessageEvent("message", {data}));
      else this.waiting.push(data);
    }
    answer(data) {
      const event = new MessageEvent("message", {data});
      if (this.onmessage) this.onmessage(event);
      this.dispatchEvent(event);
    }
    terminate() {}
  };
}
