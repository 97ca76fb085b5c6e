// How a page renews itself: the new page is compared with the old one, and only what differs is
// touched. A table of positions has some thousand nodes, of which a report changes a few.
(() => {
  "use strict";
  const key = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id : "");
  const isSame = (old, fresh) =>
    old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && key(old) === key(fresh);

  const patchAttributes = (old, fresh) => {
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    if (old.attributes.length === fresh.attributes.length) return;
    for (const { name } of [...old.attributes]) {
      // What somebody has opened stays open.
      if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    }
  };

  const patch = (old, fresh) => {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    patchAttributes(old, fresh);
    patchChildren(old, fresh);
  };

  // Nodes with an id are the same wherever they stand, so rows that change places are moved.
  const patchChildren = (old, fresh) => {
    let next = old.firstChild;
    let named = null;
    let wanted = fresh.firstChild;
    while (wanted) {
      const after = wanted.nextSibling;
      let found = next && isSame(next, wanted) ? next : null;
      if (!found && key(wanted)) {
        named ??= new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
        const moved = named.get(key(wanted));
        if (moved && isSame(moved, wanted)) {
          old.insertBefore(moved, next);
          found = moved;
        }
      }
      if (found) {
        patch(found, wanted);
        next = found.nextSibling;
      } else {
        old.insertBefore(wanted, next);
      }
      wanted = after;
    }
    while (next) {
      const after = next.nextSibling;
      next.remove();
      next = after;
    }
  };

  window.htmx?.defineExtension("patch", {
    isInlineSwap: (style) => style === "patch",
    handleSwap: (style, target, fragment) => {
      if (style !== "patch") return false;
      const fresh = fragment.querySelector(`#${target.id}`) ?? fragment.firstElementChild;
      if (fresh) patch(target, fresh);
      return [];
    },
  });
})();
