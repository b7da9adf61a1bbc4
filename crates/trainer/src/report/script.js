for (const table of document.querySelectorAll("table.sortable")) {
  table.querySelectorAll("th").forEach((head, column) => {
    if (head.className === "bar") return;
    head.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const text = (row) => row.cells[column].textContent;
      const number = (row) => Number.parseFloat(text(row).replaceAll("−", "-").replaceAll(",", ""));
      const byText = head.className === "text";
      const order = (a, b) => {
        if (byText) return text(a).localeCompare(text(b));
        const [left, right] = [number(a), number(b)];
        if (Number.isNaN(left) || Number.isNaN(right)) return Number.isNaN(right) - Number.isNaN(left);
        return left - right;
      };
      const body = table.tBodies[0];
      body.append(...[...body.rows].sort((a, b) => (down ? order(b, a) : order(a, b))));
    });
  });
}
