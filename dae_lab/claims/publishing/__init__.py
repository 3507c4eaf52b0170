"""A verdict made public: sentences, Markdown, HTML, figures, the index, and a record in MLflow."""
