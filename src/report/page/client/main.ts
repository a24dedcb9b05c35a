/** The script of the page and of `view`. Text from the traffic enters the page only as textContent. */
export {}
